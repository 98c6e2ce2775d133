"""The sandbox's fault script: what goes wrong on purpose and how often, drawn from a seed to have a bad day again."""

import random
from dataclasses import dataclass, field

SUCCEEDED, FAILED = "succeeded", "failed"
FAULTS = frozenset({"unavailable", "lose_answer", "time_out", "late", "late_failure", "repeat", "delay"})
STORM = 0.15
"""The share of each fault when none is said."""


@dataclass
class FaultScript:
    """Shares, 0 to 1, of requests and movements that meet each fault. All zero by default: a good day.

    `unavailable`: refused with 503 before anything happens. `lose_answer`: carried out, and the connection breaks.
    `time_out`: carried out, and answered too late. `late`: first `processing`, decided up to `late_s` seconds after.
    `late_failure`: of those decided late, how many that would have succeeded fail. `repeat`, `delay`: webhooks sent
    more than once, or held back up to `late_s` seconds, so that they overtake each other.
    """

    unavailable: float = 0.0
    lose_answer: float = 0.0
    time_out: float = 0.0
    late: float = 0.0
    late_failure: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0
    late_s: float = 2.0
    seed: int = 0
    _dice: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    @classmethod
    def storm(cls, strength: float, seed: int, late_s: float = 2.0) -> "FaultScript":
        """Every fault at once; `strength` is the share of each."""
        return cls(strength, strength, strength, strength, strength, strength, strength, late_s, seed)

    @classmethod
    def read(cls, text: str) -> "FaultScript":
        """A script as it is written on a command line, `script/seed`; nothing is a good day. Raises ValueError.

        The script is `storm`, `storm:<share>`, or faults by name with their shares: `lose_answer:0.2,repeat:0.5`.
        """
        if not text:
            return cls()
        script, _, seed = text.partition("/")
        shares = {name: _share(share) for name, _, share in (item.partition(":") for item in script.split(","))}
        if set(shares) == {"storm"}:
            return cls.storm(shares["storm"] or STORM, int(seed or 0))
        if unknown := sorted(set(shares) - FAULTS):
            raise ValueError(f"there is no fault {unknown[0]!r}, only {', '.join(sorted(FAULTS))}")
        return cls(**{name: STORM if share is None else share for name, share in shares.items()}, seed=int(seed or 0))

    def strikes(self, fault: str) -> bool:
        """Tell whether this fault happens now."""
        return bool(self._dice.random() < getattr(self, fault))

    def postpone(self, status: str) -> tuple[float, str] | None:
        """For a movement about to end as `status`: seconds until it is decided, and how; None decides it now."""
        if status not in (SUCCEEDED, FAILED) or not self.strikes("late"):
            return None
        is_turned = status == SUCCEEDED and self.strikes("late_failure")
        return self._dice.uniform(0, self.late_s), FAILED if is_turned else status

    def webhook_delays(self) -> list[float]:
        """Seconds after which each copy of a message is sent."""
        copies = 2 if self.strikes("repeat") else 1
        return [self._dice.uniform(0, self.late_s) if self.strikes("delay") else 0.0 for _ in range(copies)]


def _share(text: str) -> float | None:
    if not text:
        return None
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError(f"{text} is not a share from 0 to 1")
    return share
