"""Calls of accounts to the outside world: mail."""

from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import services
from accounts.models import User
from accounts.queries import password_reset_token, undo_token, verification_token
from accounts.queries.letters import write_notice_letter, write_password_letter, write_verification_letter
from core.outside.letters import Letter, pack_letter
from messaging.delivery.calls import Operation, Outcome, operation
from messaging.delivery.work_queues import WorkQueue, work_queue
from messaging.models import CallState


@operation
class MailPasswordReset(Operation):
    """Sends the link that sets a new password. The token is made here, so that no table ever holds it."""

    name = "accounts.mail_password_reset"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Mail the link; a repeat sends another, which is harmless. Nobody's id is answered by nothing."""
        user = User.objects.filter(pk=request["user_id"], is_active=True).first()
        if user is None:
            return Outcome(CallState.OK)
        link = _make_link("reset-password", password_reset_token(user))
        language = get_request_language(request)
        letter = write_password_letter(name=user.get_short_name(), link=link, language=language)
        return _send(user.email, letter)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Nothing waits for a mail."""


@operation
class MailVerification(Operation):
    """Sends the link that proves a mailbox, present or new, is its owner's. The token is made here too."""

    name = "accounts.mail_verification"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Mail the link; a repeat sends another, which is harmless. A verified address gets none."""
        user = User.objects.filter(pk=request["user_id"], is_active=True).first()
        if user is None or (user.is_email_proved and not user.pending_email):
            return Outcome(CallState.OK)
        link = _make_link("verify-email", verification_token(user))
        language = get_request_language(request)
        letter = write_verification_letter(name=user.get_short_name(), link=link, language=language)
        return _send(user.pending_email or user.email, letter)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Nothing waits for a mail."""


@operation
class MailEmailNotice(Operation):
    """Tells the proved mailbox of before that another takes its place, with the link that takes this back."""

    name = "accounts.mail_email_notice"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Mail the notice; a repeat sends another, which is harmless. A mailbox that was never proved gets none."""
        user = User.objects.filter(pk=request["user_id"], is_active=True).exclude(former_email="").first()
        if user is None:
            return Outcome(CallState.OK)
        letter = write_notice_letter(
            name=user.get_short_name(),
            email=user.pending_email or user.email,
            link=_make_link("undo-email", undo_token(user)),
            language=get_request_language(request),
        )
        return _send(user.former_email, letter)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Nothing waits for a mail."""


@work_queue
class GatherExports(WorkQueue):
    """Gathers personal data from every app for those who asked for it."""

    name = services.GATHER

    def is_due(self) -> bool:
        """Tell whether an export waits for an app's answer."""
        return services.is_export_due(now=timezone.now())

    def run(self) -> bool:
        """Gather one export."""
        return services.gather_exports(now=timezone.now())


def _send(mailbox: str, letter: Letter) -> Outcome:
    try:
        pack_letter(letter, to=mailbox).send()
    except (SMTPException, OSError) as error:
        return Outcome(CallState.NEW, error=repr(error))
    return Outcome(CallState.OK)


def get_request_language(request: dict[str, Any]) -> str:
    """Return the language that the letter was asked for in; of an older request the house's own."""
    wanted = str(request.get("language") or "")
    return wanted if wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def _make_link(path: str, token: str) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/{path}/?token={token}"
