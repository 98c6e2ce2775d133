"""Keep the loan and the policies that a written offer carries beside its goods, as they were calculated and quoted."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from core.money import ZERO
from orders.models import LineKind, OrderLine


class OfferedLoan(msgspec.Struct, frozen=True, kw_only=True):
    """A loan by a bank's programme, as its figures were on `rated_on`: roubles, months, per cent a year.

    `amount` is what is lent, `psk` the full cost of the credit. The bank decides on it once it is applied for.
    """

    programme_id: UUID
    bank: str
    programme: str
    programme_version: int
    financing_type: str
    annual_rate: Decimal
    vehicle_price: Decimal
    down_payment: Decimal
    term_months: int
    is_insurance_financed: bool
    amount: Decimal
    monthly_payment: Decimal
    psk: Decimal
    rated_on: date


class LaterPart(msgspec.Struct, frozen=True, kw_only=True):
    """An instalment of a premium to come, roubles: no order asks for it."""

    due_date: date
    amount: Decimal


class OfferedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as insurance rated it on `rated_on`: roubles; `due_now` is what the order asks for.

    `later` are the instalments to come, `request` what was rated, `supplier` the insurer as receipts name it.
    """

    insurance_type: str
    insurer: str
    premium: Decimal
    due_now: Decimal
    request: dict[str, Any]
    rated_on: date
    later: list[LaterPart] = []
    supplier: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """Return what its line in an order is called."""
        return self.insurance_type.upper()

    @property
    def insurer_name(self) -> str:
        """Return the insurer as receipts name it, else by its code."""
        return (self.supplier or {}).get("name") or self.insurer

    @property
    def insured_sum(self) -> Decimal | None:
        """Return the sum insured that was asked for; OSAGO has that of the law."""
        told = self.request.get("coverage_amount")
        return None if told is None else Decimal(str(told))

    @property
    def deductible(self) -> Decimal:
        """Return what the insured bears of a loss."""
        return Decimal(str(self.request.get("deductible") or 0))

    @property
    def term_months(self) -> int:
        """Return the months that it is for."""
        return int(self.request.get("term_months") or 12)


def freeze(figures: Any) -> Any:
    """Return a loan or policies as an offer keeps them."""
    return msgspec.to_builtins(figures)


def read_loan(kept: Mapping[str, Any] | None) -> OfferedLoan | None:
    """Read the loan that an offer keeps; None without one."""
    return None if kept is None else msgspec.convert(dict(kept), OfferedLoan, strict=False)


def read_policies(kept: Iterable[Mapping[str, Any]]) -> list[OfferedPolicy]:
    """Read the policies that an offer keeps."""
    return msgspec.convert(list(kept), list[OfferedPolicy], strict=False)


def sum_premiums(policies: Iterable[OfferedPolicy]) -> Decimal:
    """Return what an order with these policies asks for them."""
    return sum((policy.due_now for policy in policies), ZERO)


def draw_policies(policies: Iterable[OfferedPolicy], first: int) -> list[OrderLine]:
    """Return policies as lines that papers are made of, numbered from `first`; they are not saved."""
    return [
        OrderLine(
            position=position,
            kind=LineKind.POLICY,
            name=f"{policy.name}, {policy.insurer_name}" if policy.insurer else policy.name,
            quantity=1,
            unit_price=policy.due_now,
            line_total=policy.due_now,
        )
        for position, policy in enumerate(policies, first)
    ]
