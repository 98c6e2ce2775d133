"""The circuit breaker's rule, free of clocks and stores: closed, open, half-open.

Libraries were weighed and left: pybreaker holds its lock during the call, lets every process probe at once, and
cannot tell five failed calls from one call tried five times.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

State = Literal["closed", "open", "half_open"]
LEVEL: dict[State, int] = {"closed": 0, "half_open": 1, "open": 2}
"""How metrics show a state."""


@dataclass(frozen=True)
class Policy:
    """`failures` different calls in a row open a breaker for `cool_s` seconds, doubled each next time to `longest_s`.

    A probe that says nothing for `probe_s` seconds is lost, and another may go.
    """

    failures: int = 5
    cool_s: float = 5.0
    longest_s: float = 300.0
    probe_s: float = 30.0


class Breaker(msgspec.Struct, frozen=True):
    """State of what is known about one dependency. Moments are seconds of whatever clock the store reads."""

    state: State = "closed"
    failed: tuple[str, ...] = ()
    """The calls that failed in a row; one tried twice counts once."""
    opened: int = 0
    """Times it opened in a row."""
    until: float = 0.0
    """Open: when a probe may go. Half-open: when the probe counts as lost."""

    def ask(self, now: float, policy: Policy) -> tuple["Breaker", float]:
        """Before a call: the breaker after it was let through, or the seconds it must wait."""
        if self.state == "closed":
            return self, 0.0
        if now < self.until:
            return self, self.until - now
        return msgspec.structs.replace(self, state="half_open", until=now + policy.probe_s), 0.0

    def succeed(self) -> "Breaker":
        """After an answer, of whatever kind: closed, and nothing held against it."""
        return Breaker()

    def fail(self, call: str, now: float, policy: Policy) -> "Breaker":
        """After no answer: one more against it; enough of them, or a failed probe, open it."""
        if self.state == "open":
            return self
        failed = self.failed if call in self.failed else (*self.failed, call)[-policy.failures :]
        if self.state == "closed" and len(failed) < policy.failures:
            return msgspec.structs.replace(self, failed=failed)
        cool_s = min(policy.longest_s, policy.cool_s * 2 ** min(self.opened, 16))
        return Breaker(state="open", failed=failed, opened=self.opened + 1, until=now + cool_s)
