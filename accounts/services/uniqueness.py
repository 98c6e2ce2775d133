"""Names that open the door are one person's alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from accounts.errors import EmailTaken, UsernameTaken


@contextmanager
def unique_names() -> Iterator[None]:
    """The database decides who was first; its refusal becomes ours."""
    try:
        yield
    except IntegrityError as error:
        if "user_email_unique" in str(error):
            raise EmailTaken from error
        if "user_username_unique" in str(error):
            raise UsernameTaken from error
        raise
