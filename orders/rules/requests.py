"""Type what the row of a checkout's leg keeps of its request; it is stored as JSON without what is not said."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

import msgspec

from core.money import ZERO
from orders.models import CheckoutLeg

PartState = Literal["planned", "running", "paid", "failed", "dropped"]


def _said(value: Any) -> Any:
    """Let a field begin with `value` and be stored all the same: the release before reads it from every row."""
    return msgspec.field(default_factory=lambda: value)


def _no_quotes() -> list[dict[str, Any]]:
    """Begin with none, and say so: a list made by `list` itself would not be stored while it is empty."""
    return []


class ChosenPolicy(NamedTuple):
    """A policy that becomes a line of an order: its name, its premium in roubles, and its insurer for the receipt."""

    name: str
    premium: Decimal
    supplier: dict[str, str] | None = None


Policies = Sequence[tuple[str, Decimal] | ChosenPolicy]
"""Policies that go with an order, as whoever orders gives them."""


class LegRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The facts that one leg needs to ask; amounts in the order's currency."""

    @classmethod
    def of(cls, row: CheckoutLeg | None) -> Self:
        """Read the request that a row keeps; an empty one without a row."""
        return msgspec.convert(row.request if row is not None else {}, cls, strict=False)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept

    def store(self, row: CheckoutLeg) -> None:
        """Put it into its row; the caller saves that."""
        row.request = self.plain()


class FormerLine(msgspec.Struct):
    """A line as it was before a change that the catalogue may refuse."""

    id: UUID
    product_id: UUID | None
    sku: str
    name: str
    vin: str
    kind: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    position: int
    list_price: Decimal | None = None
    discount_amount: Decimal = ZERO
    discounts: list[dict[str, Any]] = []
    vat_kind: str = ""
    vat_ground: str = ""
    margin_cost: Decimal | None = None
    cost: Decimal | None = None
    cost_by: UUID | None = None


class StockRequest(LegRequest):
    """Hold the lines, in place of what the attempt `replaces` holds.

    If the catalogue refuses, the lines become those of `revert` with the policies of `quotes`, and the buyer's word for
    `agreed` more is taken back.
    """

    replaces: UUID | None = None
    revert: list[FormerLine] = []
    agreed: Decimal = ZERO
    quotes: list[dict[str, Any]] = []


class TradeInRequest(LegRequest):
    """A car in exchange: what its buyer asks for it, whether that is agreed to, and what is known of it (km, year).

    `worth` is the value agreed to, in the end; `goods` what the order's goods cost: a car pays for no premiums.
    """

    amount: Decimal = _said(ZERO)
    is_agreed: bool | None = None
    worth: Decimal | None = None
    goods: Decimal | None = None
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    year: int | None = None
    mileage: int | None = None
    description: str | None = None

    @property
    def pays(self) -> Decimal:
        """Return what the car is wished to pay for, in the order's currency."""
        return self.amount if self.goods is None else min(self.amount, self.goods)


class LoanRequest(LegRequest):
    """The application that a bank is asked to decide: roubles and months; the premiums are those of the order.

    An offer equal to it is taken at once, unless `auto_accept` says that the buyer chooses.
    """

    vehicle_price: Decimal | None = None
    down_payment: Decimal | None = None
    term_months: int | None = None
    financing_type: str | None = None
    employment_status: str | None = None
    monthly_income: Decimal | None = None
    monthly_obligations: Decimal | None = None
    birth_date: date | None = None
    vehicle_year: int | None = None
    programme_id: UUID | None = None
    insurance_financed: bool | None = None
    auto_accept: bool | None = None
    financed_premium: Decimal | None = None
    psk_premium: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        """Return what is to be lent; nothing when the application does not say."""
        if self.vehicle_price is None:
            return ZERO
        return self.vehicle_price - (self.down_payment or ZERO) + (self.financed_premium or ZERO)


HOLD = "hold"


class PlannedPayment(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A payment that the checkout makes by itself; `leg` names it for steering, without an amount it takes the rest.

    `held` is the state to show of earnest money that does not go back with the rest. `on_decline` says what follows a
    refusal: HOLD keeps the order and its goods for another try, else the order is called off.
    """

    leg: str
    method: str
    state: PartState = _said("planned")
    amount: Decimal | None = None
    token: str = ""
    payment_method_id: UUID | None = None
    attempt_id: UUID | None = None
    payment_id: UUID | None = None
    held: str = ""
    on_decline: str = ""


class PaymentRequest(LegRequest):
    """The payments planned, in their order; `agreed` is the most that they may bring the buyer's own money to."""

    parts: list[PlannedPayment] = []
    agreed: Decimal | None = None

    @property
    def next(self) -> PlannedPayment | None:
        """Return the payment that is being taken, or else the next that is planned."""
        return next((part for state in ("running", "planned") for part in self.parts if part.state == state), None)

    def named(self, name: str) -> PlannedPayment | None:
        """Find a payment by the name that steering knows it by."""
        return next((part for part in self.parts if part.leg == name), None)


class PoliciesRequest(LegRequest):
    """The quotes to issue, as insurance takes them; `earned` is what insurers keep of premiums that the order paid."""

    quotes: list[dict[str, Any]] = msgspec.field(default_factory=_no_quotes)
    earned: Decimal = ZERO


class PayoutRequest(LegRequest):
    """The payout of the loan; `amount` is what came of it."""

    amount: Decimal = ZERO


def earned_by_insurers(row: CheckoutLeg | None) -> Decimal:
    """Return what a policies' leg notes as earned; nothing without one."""
    return PoliciesRequest.of(row).earned
