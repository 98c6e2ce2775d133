"""Write the letters of accounts: links that open, keep or change an account."""

from django.utils import translation
from django.utils.translation import gettext as _

from core.outside.letters import Letter, Link, Piece, choose_greeting_name


def write_password_letter(*, name: str, link: str, language: str) -> Letter:
    """Return the letter with the link that sets a new password."""
    with translation.override(language):
        text = _(
            "Somebody, we hope you, asked to set a new password for your account. The link works once. If it was not "
            "you, do nothing: your password stays as it is."
        )
        return _write(_("Set a new password"), name, text, _("Set the password"), link, language)


def write_verification_letter(*, name: str, link: str, language: str) -> Letter:
    """Return the letter with the link that proves a mailbox."""
    with translation.override(language):
        text = _(
            "Please confirm that this is your e-mail address. The link works for a day. If you did not give us this "
            "address, do nothing."
        )
        return _write(_("Confirm your e-mail"), name, text, _("Confirm the address"), link, language)


def write_notice_letter(*, name: str, email: str, link: str, language: str) -> Letter:
    """Return the letter to the mailbox of before, with the link that keeps it."""
    with translation.override(language):
        text = _(
            "Somebody, we hope you, gave another e-mail address for your account: %(email)s. It takes the place of "
            "this one as soon as it is confirmed.\n\nIf it was not you, press the button within a week: the account "
            "keeps this address, everybody is signed out, and you set a new password."
        )
        text %= {"email": email}
        return _write(_("Your e-mail is being changed"), name, text, _("Keep this address"), link, language)


def write_samples(language: str) -> dict[str, Letter]:
    """Return every letter of accounts in a language, with made-up values."""
    link, name = "https://example.com/?token=AbCd", "Anna"
    return {
        "password": write_password_letter(name=name, link=link, language=language),
        "verification": write_verification_letter(name=name, link=link, language=language),
        "notice": write_notice_letter(name=name, email="anna@example.com", link=link, language=language),
    }


def _write(title: str, name: str, text: str, label: str, link: str, language: str) -> Letter:
    called = choose_greeting_name(name)
    greeting = _("Hello, %(name)s.") % {"name": called} if called else _("Hello.")
    return Letter(
        subject=title,
        pieces=(Piece(title=title, text=f"{greeting}\n\n{text}"),),
        button=Link(label=label, url=link),
        note=_("You get this letter because somebody gave us this address. Show its link to nobody."),
        language=language,
    )
