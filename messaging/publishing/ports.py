"""The port of the sinks: what a broker has to do for us, whichever it is."""

from collections.abc import Sequence
from typing import Protocol

from messaging.publishing.destinations import Letter

CONFIRM_S = 10.0
CONNECT_S = 3.0


class NotConfirmed(ConnectionError):
    """The broker refused a message, or did not say in time that it has it."""


class Outlet(Protocol):
    """A connection to a broker."""

    def send(self, letters: Sequence[Letter]) -> None:
        """Return once the broker has all letters, in order. Raises NotConfirmed, or what the connection raises."""

    def close(self) -> None:
        """Drop the connection, whatever state it is in."""
