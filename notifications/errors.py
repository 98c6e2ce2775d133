"""Name what stops a notification or a webhook."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, NotFound


class NotificationNotFound(NotFound):
    """There is no such notification, or it is somebody else's."""

    detail = _("There is no such notification.")


class NotificationNotFailed(DomainError):
    """Only what failed is sent again."""

    code = "notification_not_failed"
    detail = _("Only a message that failed can be sent again.")


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    detail: Any = _("There is no such webhook.")


class WebhookDeliveryNotFound(NotFound):
    """There is no such delivery of a webhook."""

    detail: Any = _("There is no such webhook delivery.")


class WebhookIsDisabled(DomainError):
    """Nothing is sent to a receiver that is switched off."""

    code = "webhook_disabled"
    detail = _("This webhook is switched off; enable it first.")


class UnsubscribeLinkInvalid(DomainError):
    """The link was not made by us, or was cut on its way."""

    code = "invalid_link"
    status = 400
    detail = _("This link is not valid. Choose which news comes by mail in your account.")
