"""Calls of accounts to the outside world: mail."""

from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services
from accounts.models import User
from accounts.queries import password_reset_token, undo_token, verification_token
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
        return _send(user.email, _("Set a new password"), _letter(user))

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
        return _send(user.pending_email or user.email, _("Confirm your e-mail"), _verification_letter(user))

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
        return _send(user.former_email, _("Your e-mail is being changed"), _notice(user))

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


def _send(mailbox: str, subject: str, text: str) -> Outcome:
    try:
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [mailbox])
    except (SMTPException, OSError) as error:
        return Outcome(CallState.NEW, error=repr(error))
    return Outcome(CallState.OK)


def _verification_letter(user: User) -> str:
    text = _(
        "Hello, %(name)s.\n\nPlease confirm that this is your e-mail address. To do so, open\n\n%(link)s\n\n"
        "The link works for a day. If you did not give us this address, do nothing.\n"
    )
    link = f"{settings.PUBLIC_URL}/verify-email/?token={verification_token(user)}"
    return text % {"name": user.get_short_name(), "link": link}


def _notice(user: User) -> str:
    link = f"{settings.PUBLIC_URL}/undo-email/?token={undo_token(user)}"
    text = _(
        "Hello, %(name)s.\n\nSomebody, we hope you, gave another e-mail address for your account: %(email)s. It takes "
        "the place of this one as soon as it is confirmed.\n\nIf it was not you, open\n\n%(link)s\n\nwithin a week: "
        "the account keeps this address, everybody is signed out, and you set a new password.\n"
    )
    return text % {"name": user.get_short_name(), "email": user.pending_email or user.email, "link": link}


def _letter(user: User) -> str:
    link = f"{settings.PUBLIC_URL}/reset-password/?token={password_reset_token(user)}"
    text = _(
        "Hello, %(name)s.\n\nSomebody, we hope you, asked to set a new password for your account. To do so, open\n\n"
        "%(link)s\n\nThe link works once. If it was not you, do nothing: your password stays as it is.\n"
    )
    return text % {"name": user.get_short_name(), "link": link}
