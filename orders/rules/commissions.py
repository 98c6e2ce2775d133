"""Reckon what a sale earns its salesman: line by line, by the rule of each kind of goods.

Each line is rounded down to the kopeck, towards less even below zero, and bounds are those of a piece: so a line that
is cut in two never earns more than it did whole. What a line loses counts against what the others earn.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Protocol

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.money import CENT, DEFAULT_CURRENCY, ZERO


class Goods(models.TextChoices):
    """Kind of thing that a commission is paid for."""

    VEHICLE = "vehicle", _("car")
    ACCESSORY = "accessory", _("accessory")
    SERVICE = "service", _("service")
    FREE = "free", _("free line")
    POLICY = "policy", _("policy")
    LOAN = "loan", _("loan")


class Basis(models.TextChoices):
    """Sum that a commission is reckoned from."""

    GROSS = "percent_of_gross", _("per cent of the gross")
    PRICE = "percent_of_price", _("per cent of the price")
    FIXED = "fixed", _("fixed sum a piece")


FIXED_ONLY = (Goods.POLICY, Goods.LOAN)
"""What somebody else sells: the dealer arranges it, and its price says nothing of what that is worth."""
PERCENT_ONLY = (Goods.FREE,)
"""What a manager adds by hand, as many lines as they like: a sum for each would be theirs to multiply."""
GROSS_UNKNOWN, COST_BY_SALESMAN, OTHER_CURRENCY = "gross_unknown", "cost_by_salesman", "other_currency"
"""Why a line earns nothing though its kind has a rule: two people may correct that by hand."""


class Rule(Protocol):
    """Terms by which one kind of goods earns."""

    @property
    def pk(self) -> Any:
        """The id of the rule."""

    @property
    def basis(self) -> str:
        """The sum it is reckoned from, one of `Basis`."""

    @property
    def value(self) -> Decimal:
        """Per cent, or roubles a piece."""

    @property
    def least(self) -> Decimal | None:
        """Roubles a piece at least."""

    @property
    def most(self) -> Decimal | None:
        """Roubles a piece at most."""


@dataclass(frozen=True)
class SoldPart:
    """Part of a sale that may earn something: a line, or the loan.

    `price` is what its buyer pays for all pieces, `gross` what that leaves over, None where nobody knows it.
    """

    name: str
    goods: str
    quantity: int
    price: Decimal
    gross: Decimal | None
    is_cost_by_salesman: bool = False


@dataclass(frozen=True)
class Earned:
    """Commission of a sale and its calculation as it is kept; `is_complete` is false where something was not known."""

    amount: Decimal
    is_complete: bool
    calculation: dict[str, Any]


def reckon_commission(parts: Iterable[SoldPart], rules: Mapping[str, Rule], currency: str) -> Earned:
    """Return what the parts of a sale earn together, never less than nothing."""
    lines = [_reckon_part(part, rules.get(part.goods), currency) for part in parts]
    total = sum((Decimal(line["amount"]) for line in lines), ZERO)
    amount = max(total, ZERO)
    calculation = {"lines": lines, "sum": str(total), "amount": str(amount)}
    return Earned(amount, not any(line["lacks"] for line in lines), calculation)


def _reckon_part(part: SoldPart, rule: Rule | None, currency: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "name": part.name, "goods": part.goods, "quantity": part.quantity, "amount": str(ZERO), "rule_id": None,
        "basis": None, "value": None, "base": None, "least": None, "most": None, "lacks": "",
    }  # fmt: skip
    if rule is None:
        return line
    base = _find_base(part, rule)
    line |= {"rule_id": str(rule.pk), "basis": str(rule.basis), "value": str(rule.value), "base": _text(base)}
    line |= {"least": _text(rule.least), "most": _text(rule.most)}
    line["lacks"] = _find_lack(part, rule, currency)
    if not line["lacks"] and base is not None:
        line["amount"] = str(reckon_line(rule, base, part.quantity))
    return line


def reckon_line(rule: Rule, base: Decimal, quantity: int) -> Decimal:
    """Return what a line earns by a rule from its base; of a fixed sum the base is the number of pieces."""
    if rule.basis == Basis.FIXED:
        return rule.value * quantity
    amount = base * rule.value / 100
    if rule.least is not None:
        amount = max(amount, rule.least * quantity)
    if rule.most is not None:
        amount = min(amount, rule.most * quantity)
    return amount.quantize(CENT, rounding=ROUND_FLOOR)


def _find_base(part: SoldPart, rule: Rule) -> Decimal | None:
    if rule.basis == Basis.FIXED:
        return Decimal(part.quantity)
    return part.price if rule.basis == Basis.PRICE else part.gross


def _find_lack(part: SoldPart, rule: Rule, currency: str) -> str:
    """Say what is missing to reckon a part by its rule, by code; sums in roubles say nothing in another currency."""
    is_in_roubles = rule.basis == Basis.FIXED or rule.least is not None or rule.most is not None
    if is_in_roubles and currency != DEFAULT_CURRENCY:
        return OTHER_CURRENCY
    if rule.basis != Basis.GROSS:
        return ""
    if part.is_cost_by_salesman:
        return COST_BY_SALESMAN
    return GROSS_UNKNOWN if part.gross is None else ""


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def shown_calculation(calculation: Mapping[str, Any], *, with_bases: bool) -> list[dict[str, Any]]:
    """Return the lines of a calculation; without bases and rules for those who may not see what deals leave over."""
    lines: Sequence[dict[str, Any]] = calculation.get("lines", [])
    if with_bases:
        return list(lines)
    return [{name: line[name] for name in ("name", "goods", "quantity", "amount", "lacks")} for line in lines]
