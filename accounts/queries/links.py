"""Make and read the sealed links of letters."""

from django.contrib.auth.tokens import default_token_generator
from django.core import signing

from accounts.errors import InvalidLink
from accounts.models import User

VERIFY_SALT = "accounts.verify_email"
UNDO_SALT = "accounts.undo_email"


def verification_token(user: User) -> str:
    """Good for the address of this person that waits for its proof, until it is verified."""
    return signing.dumps([str(user.id), user.pending_email or user.email], salt=VERIFY_SALT)


def undo_token(user: User) -> str:
    """Good for a week for whoever reads the mailbox of before, against this one change."""
    return signing.dumps([str(user.id), user.former_email, user.pending_email or user.email], salt=UNDO_SALT)


def read_link(token: str, salt: str, lifetime_s: int, length: int) -> list[str]:
    """Read a mailed link and return what it says. Raises InvalidLink of one that is forged or too old."""
    try:
        said = signing.loads(token, salt=salt, max_age=lifetime_s)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise InvalidLink from error
    if not isinstance(said, list) or len(said) != length:
        raise InvalidLink
    return [str(part) for part in said]


def password_reset_token(user: User) -> str:
    """Good once, and only until the password, the e-mail or the time of the last sign-in changes."""
    return f"{user.id.hex}-{default_token_generator.make_token(user)}"
