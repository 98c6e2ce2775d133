"""Step-up: what a session may do only while its owner's last proof of who they are is young.

The edge opens an attempt for every request; the door that knows the caller names them. A service of accounts that
changes who somebody is asks for the proof (`accounts.services.require_proof`): within a request that nobody named it is
refused, so that a new door is closed until it does. Outside a request (a command, a handler) nothing is asked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import Forbidden
from gateway.principal import Principal


class StepUpRequired(Forbidden):
    """The last proof of who is asking is too old for this; `methods` says how to give a new one."""

    code = "step_up_required"
    detail = _("Please prove first that it is you: by your password, or by a code of your authenticator.")


class Attempt:
    """A request under way: who asks from which device, what they sent as a proof besides, and how it went.

    `wait_s`: how many seconds somebody has to wait who was told so.
    """

    def __init__(self, device: str = "") -> None:
        self.device, self.wait_s = device, 0
        self.caller: Callable[[], Principal | None] = lambda: None
        self.password = self.otp = self.address = ""
        self.is_proved = self.is_refused = False


_current: ContextVar[Attempt | None] = ContextVar("autosalon_step_up", default=None)


@contextmanager
def attempt(device: str = "") -> Iterator[Attempt]:
    """A request from its first line to its last; `device` is what its cookie says of the device."""
    made = Attempt(device)
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


def current() -> Attempt | None:
    """The request under way; None outside of one."""
    return _current.get()


def name(caller: Callable[[], Principal | None]) -> None:
    """Say who is asking; looked up only if a service wants to know."""
    if (asked := current()) is not None:
        asked.caller = caller


def offer(body: Any, *, address: str) -> None:
    """Take the `password` or `otp` of a body for a proof, if the session's own is too old."""
    if (asked := current()) is not None and isinstance(body, dict):
        password, otp = (body.get(field) for field in ("password", "otp"))
        asked.password = password if isinstance(password, str) else ""
        asked.otp = otp if isinstance(otp, str) else ""
        asked.address = address


def record_proof() -> None:
    """Within this request a password or a code was right."""
    if (asked := current()) is not None:
        asked.is_proved = True


def record_wait(seconds: int) -> None:
    """Within this request somebody was told to come back later."""
    if (asked := current()) is not None:
        asked.wait_s = seconds
