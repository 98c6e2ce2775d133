"""The sentence and the numbers by which the API's document tells of wrong passwords and codes."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema

from accounts.services import lockout

F = TypeVar("F", bound=Callable[..., Any])
LIMIT = {
    "failures_at_address": lockout.FAILURES_AT_ADDRESS,
    "failures_anywhere": lockout.FAILURES_ANYWHERE,
    "first_wait_seconds": lockout.FIRST_WAIT_S,
    "longest_wait_seconds": lockout.LONGEST_WAIT_S,
}
WORDS = (
    f"After {lockout.FAILURES_AT_ADDRESS} wrong passwords or codes in a row from one address the account waits "
    f"{lockout.FIRST_WAIT_S} seconds there, twice as long after each further one, {lockout.LONGEST_WAIT_S} at most; "
    f"after {lockout.FAILURES_ANYWHERE} it waits everywhere. Until then the answer is 429 `too_many_failures`."
)


def counts_failures(method: F) -> F:
    """Tell of the limit at an action that counts wrong passwords or codes; stands above `@action`."""
    method.__doc__ = f"{method.__doc__}\n\n{WORDS}"
    described: F = extend_schema(extensions={"x-failure-limit": LIMIT})(method)
    return described
