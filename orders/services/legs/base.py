"""One leg of a checkout: what it asks, which answers it takes and where each leads, and what a manager may do with it.

A leg decides and says by a step where its answer leads; the saga, which knows no leg by name, goes there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints
from uuid import UUID

from django.utils.functional import Promise

from core.events import Command, Event
from orders.models import CheckoutLeg, LegKind
from orders.rules.requests import LegRequest, PlannedPayment
from orders.services.history import Actor
from orders.services.locking import LockedOrder


# Where an answer leads ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Done:
    """The leg is done: the next one is asked. `data` goes into the timeline."""

    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The leg failed: the others are undone, and the buyer is told why."""

    code: str
    detail: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undone:
    """The leg holds nothing any more under this attempt: the one before it is undone."""

    attempt_id: UUID | None


@dataclass(frozen=True, slots=True)
class Waits:
    """The leg waits for the buyer, with no deadline but that of the hold."""


@dataclass(frozen=True, slots=True)
class WaitsAgain:
    """The request came to nothing, and the buyer is waited for as if it had not been made: nothing is undone."""


@dataclass(frozen=True, slots=True)
class AskAgain:
    """There is more to ask for: the leg is asked once more."""


@dataclass(frozen=True, slots=True)
class Skip:
    """The sale goes on without the leg."""


@dataclass(frozen=True, slots=True)
class Settle:
    """The wait may be for nothing any more."""


@dataclass(frozen=True, slots=True)
class Park:
    """A manager has to look."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class CallOff:
    """The order is called off in the system's name."""

    reason: str


Step = Done | Failed | Undone | Waits | WaitsAgain | AskAgain | Skip | Settle | Park | CallOff


# What legs are asked --------------------------------------------------------------------------------------------------
Purchase = Mapping[str, LegRequest]
"""The wishes of a new order's buyer, by the leg that serves them."""


@dataclass(frozen=True)
class Said:
    """The words of a manager besides the action: why, an amount in the order's currency, a planned payment."""

    actor: Actor
    reason: str
    amount: Decimal | None = None
    part: PlannedPayment | None = None


@dataclass(frozen=True)
class Steer:
    """An action of managers on one leg: when it is possible, and doing it, which says where that leads."""

    may: Callable[[LockedOrder, CheckoutLeg], bool]
    act: Callable[[LockedOrder, CheckoutLeg, Said], Step | None]


ANSWERS = "takes_answer"
F = TypeVar("F", bound=Callable[..., Any])


def answer(method: F) -> F:
    """Let a leg take an answer: the annotations say which events, and which steps they may lead to."""
    setattr(method, ANSWERS, True)
    return method


@dataclass(frozen=True)
class Answer:
    """The way a leg takes the events of one kind, and the steps that this may lead to."""

    take: Callable[[LockedOrder, Any], Step | None]
    steps: tuple[type[Any], ...]


class Leg:
    """One leg of every checkout that wishes it; without a row in an order it takes no part there."""

    kind: ClassVar[str]
    place: ClassVar[int]
    """Legs run by their places, cheapest to undo first, and are undone in reverse."""
    title: ClassVar[str | Promise]
    """Its name to buyers and managers."""
    asks: ClassVar[tuple[type[Command], ...]] = ()
    takes_back: ClassVar[tuple[type[Command], ...]] = ()
    """Commands that undo it; a leg without one holds nothing that another app has to give back."""
    keeps_money: ClassVar[bool] = False
    """Undone even if it failed, since the buyer may have paid besides; once begun, no checkout turns round."""
    reckons_refund: ClassVar[bool] = False
    """Undoing it tells how much of the order's money goes back."""
    is_released_alone: ClassVar[bool] = False
    """Undone by ourselves, with nobody to ask."""

    @property
    def label(self) -> str | Promise:
        """Return what the admin calls it: by what it does, where the table of legs knows that."""
        return LegKind(self.kind).label if self.kind in LegKind.values else self.title

    @property
    def deadline(self) -> timedelta | None:
        """Return how long an answer is waited for; None is for ever."""
        return None

    @property
    def steers(self) -> Mapping[str, Steer]:
        """Return what managers may do with this leg besides asking again, taking over and cancelling."""
        return {}

    def plan(self, purchase: Purchase) -> LegRequest | None:
        """Return the request of an order that is being placed; None where the leg takes no part."""
        return purchase.get(self.kind)

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> Step | None:
        """Ask, in the transaction of the order; None is to wait for the answer."""
        raise NotImplementedError

    def undo(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask for what it holds to be given back."""

    def release(self, saga: LockedOrder) -> None:
        """Undo what nobody has to be asked for."""

    def after_undoing(self, saga: LockedOrder) -> None:
        """Take back what followed from it, once it is undone."""

    def skip(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Take back whatever its attempt may still bring about, as the sale goes on without it."""
        self.undo(saga, row)

    def reset(self, saga: LockedOrder) -> None:
        """Forget what an old attempt left in the order, before a new one."""

    def time_out(self) -> Step:
        """Say where silence leads."""
        return Failed(timed_out(self.kind), "There was no answer in time.")

    def is_over(self, saga: LockedOrder) -> bool:
        """Tell whether what the leg waits for is needed no more."""
        return False

    def hold_kinds(self, saga: LockedOrder) -> list[str]:
        """Name the kinds of hold that the order deserves for this leg as it stands."""
        return []

    @property
    def answers(self) -> dict[type[Event], Answer]:
        """Map each event that the leg takes to how, as its marked methods are annotated."""
        found: dict[type[Event], Answer] = {}
        for name in dir(type(self)):
            if hasattr(getattr(type(self), name), ANSWERS):
                hints = get_type_hints(getattr(type(self), name))
                steps = tuple(step for step in _parts(hints["return"]) if step is not type(None))
                found |= dict.fromkeys(_parts(hints["event"]), Answer(getattr(self, name), steps))
        return found


def _parts(hint: Any) -> tuple[type[Any], ...]:
    return get_args(hint) or (hint,)


def timed_out(kind: str) -> str:
    """Return the code of a leg that was not answered in time."""
    return f"{kind}_timed_out"
