"""Answer with a file for a calendar."""

from django.http import HttpResponse


def send_calendar(content: bytes) -> HttpResponse:
    """A calendar file to download."""
    answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="event.ics"'
    return answer
