"""What stops a notification."""

from core.errors import NotFound


class NotificationNotFound(NotFound):
    """There is no such notification, or it is somebody else's."""

    detail = "There is no such notification."
