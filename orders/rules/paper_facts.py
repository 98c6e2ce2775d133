"""Say what papers state of a deal, as texts in the language of the paper."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.clock import dealer_day
from core.money import ZERO
from orders.models import DepositAgreement, LineKind, Order, OrderLine, OrderReturn, PaperKind, SalesOffer
from orders.rules.offer_deals import read_loan
from orders.rules.paper_fields import ANYBODYS, LISTS, NEEDED, NEEDED_OF_COMPANY, list_fields
from orders.rules.requests import LoanRequest, TradeInRequest

OVERRULED = frozenset({"car.mileage", "car.name", "car.color", "car.year"})
"""Fields that the catalogue knows, and that whoever stands before the car knows better."""
_OPEN_GROUPS = frozenset({"car", "trade_in"})
_PASSPORT = {"birth_date", "issued_on"}


@dataclass(frozen=True)
class Deal:
    """All that papers are made of: the order and what hangs on it, its car as the catalogue shows it, passports.

    `known_as` names the buyer by their account; `lent` is what a bank has paid in, in the order's currency.
    """

    order: Order
    lines: list[OrderLine]
    seller: Mapping[str, str]
    buyer: Mapping[str, str]
    car_line: OrderLine | None
    car: Any = None
    trade_in: TradeInRequest = field(default_factory=TradeInRequest)
    loan: LoanRequest = field(default_factory=LoanRequest)
    deposit: DepositAgreement | None = None
    returned: OrderReturn | None = None
    known_as: str = ""
    lent: Decimal = ZERO
    offer: SalesOffer | None = None


@dataclass(frozen=True)
class Settlement:
    """Parts of an order's total, in its currency: `own`, `lent` and `trade_in` are in or agreed, `due` are to come.

    Their sum, with `order.allowance_amount` and `order.returned_premiums`, is always the total. Beside it stand
    `excess`, paid above it and to be given back, and `surplus`, what the buyer's car is worth above its part.
    """

    own: Decimal
    lent: Decimal
    trade_in: Decimal
    due: Decimal
    loan_due: Decimal
    excess: Decimal
    surplus: Decimal


def settle(deal: Deal) -> Settlement:
    """Part the total of a deal by who pays it; a car and a loan that are not agreed to yet count as they were asked."""
    order = deal.order
    total = order.payable + order.trade_in_credit
    trade_in = order.trade_in_credit or max(ZERO, min(deal.trade_in.pays, total - order.amount_paid))
    excess = max(ZERO, order.amount_paid - (total - trade_in))
    own = order.amount_paid - deal.lent - excess
    missing = total - trade_in - (order.amount_paid - excess)
    loan_due = ZERO if deal.lent else min(order.loan_amount or deal.loan.amount, missing)
    return Settlement(
        own=max(ZERO, own),
        lent=deal.lent + min(ZERO, own),
        trade_in=trade_in,
        due=missing - loan_due,
        loan_due=loan_due,
        excess=excess,
        surplus=max(ZERO, (deal.trade_in.worth or deal.trade_in.amount) - trade_in) if trade_in else ZERO,
    )


def state_facts(
    deal: Deal, *, kind: str, language: str, number: str, day: date, details: Mapping[str, str]
) -> dict[str, Any]:
    """Return every field of a kind as text, empty where nothing is known; `details` are said by hand."""
    order, say = deal.order, _Words(language, deal.order.currency)
    known: dict[str, Mapping[str, Any]] = {
        "document": {"number": number, "date": say.day(day)},
        "order": {
            "number": order.number,
            "date": say.day(dealer_day(order.created_at)),
            "currency": order.currency,
            **say.sum("total", order.total_amount),
            **_describe_sums(deal, say),
        },
        "seller": deal.seller,
        "buyer": _describe_buyer(deal, kind, say),
        "car": _describe_car(deal, say),
        "trade_in": _describe_trade_in(deal.trade_in, say),
        "loan": _describe_loan(deal, say),
        "deposit": _describe_deposit(deal.deposit, say),
        "return": _describe_return(deal.returned, say),
        "offer": _describe_offer(deal.offer, say),
    }
    facts: dict[str, Any] = _list_lines(deal.lines, say)
    for item in list_fields(kind):
        value = known.get(item.group, {}).get(item.name) or ""
        if details.get(item.path) and may_be_said(kind, item.path, str(value)):
            value = details[item.path]
        facts.setdefault(item.group, {})[item.name] = str(value)
    return facts


def may_be_said(kind: str, path: str, known: str) -> bool:
    """Tell whether a field may be said by hand: what is meant for it, or of a car what the catalogue does not know."""
    found = next((item for item in list_fields(kind) if item.path == path), None)
    if found is None:
        return False
    return found.by_hand or path in OVERRULED or (found.group in _OPEN_GROUPS and not known)


def sayable(kind: str) -> frozenset[str]:
    """Fields of a kind that anybody may say by hand in some deal."""
    return frozenset(
        item.path
        for item in list_fields(kind)
        if item.by_hand or item.group == "car" or (item.group == "trade_in" and "amount" not in item.name)
    ) - {"car.price", "car.price_words", "car.vin"}


def find_missing(kind: str, facts: Mapping[str, Any]) -> list[str]:
    """List the fields that a paper of a kind would lack."""
    is_company = facts.get("buyer", {}).get("company") and kind in NEEDED_OF_COMPANY
    needed = NEEDED_OF_COMPANY[kind] if is_company else NEEDED[kind]
    return [path for path in needed if not facts.get(path.split(".")[0], {}).get(path.split(".")[1])]


def suits(kind: str, condition: str) -> bool:
    """Tell whether a contract suits a car of this condition; one whose condition nobody knows is judged by people."""
    if kind == PaperKind.SALE_NEW:
        return condition in ("", "new")
    return kind not in (PaperKind.SALE_USED, PaperKind.SALE_CONSIGNED) or condition in ("", "used")


def say_day(day: date, language: str) -> str:
    """Return a day as papers of a language write it."""
    return day.strftime("%d.%m.%Y" if language == "ru" else "%Y-%m-%d")


def in_words(amount: Decimal, currency: str, language: str) -> str:
    """Return an amount in words, to the kopeck."""
    from num2words import num2words

    try:
        return str(num2words(amount, lang=language, to="currency", currency=currency))
    except NotImplementedError:
        return f"{num2words(int(amount), lang=language)} {currency} {int(amount % 1 * 100):02d}/100"


@dataclass(frozen=True)
class _Words:
    """Sums and days as a language writes them."""

    language: str
    currency: str

    def money(self, amount: Decimal) -> str:
        return f"{amount:,.2f}".replace(",", "\u00a0").replace(".", ",")

    def sum(self, name: str, amount: Decimal | None) -> dict[str, str]:
        if amount is None:
            return {}
        return {name: self.money(amount), f"{name}_words": in_words(amount, self.currency, self.language)}

    def day(self, day: date) -> str:
        return say_day(day, self.language)

    def percent(self, rate: Decimal) -> str:
        return f"{rate.normalize():f}".replace(".", ",")

    def stored_day(self, text: str) -> str:
        return self.day(date.fromisoformat(text)) if text else ""

    def count(self, number: int | None) -> str:
        return "" if number is None else f"{number:,}".replace(",", "\u00a0")


def _describe_buyer(deal: Deal, kind: str, say: _Words) -> dict[str, str]:
    told = {name: say.stored_day(text) if name in _PASSPORT else text for name, text in deal.buyer.items()}
    if kind in ANYBODYS and not told.get("name"):
        told["name"] = deal.known_as
    return told


def _list_lines(lines: list[OrderLine], say: _Words) -> dict[str, Any]:
    """All lines, the goods among them, and the policies, which are their insurers' sale."""
    told = [(line.kind == LineKind.POLICY, _describe_line(line, say)) for line in lines]
    return {
        "lines": [line for _is_policy, line in told],
        "goods": [line for is_policy, line in told if not is_policy],
        "policies": [line for is_policy, line in told if is_policy],
    }


def _describe_line(line: OrderLine, say: _Words) -> dict[str, str]:
    rate = "" if line.vat_rate is None else f"{line.vat_rate.normalize():f}%"
    vat = say.money(line.vat_amount) if line.vat_rate is not None and line.vat_amount is not None else ""
    listed = say.money(line.list_price) if line.discount_amount and line.list_price is not None else ""
    sums = (say.money(line.unit_price), say.money(line.line_total))
    told = (line.name, line.vin, str(line.quantity), *sums, rate, vat, listed, line.untaxed_by)
    return dict(zip(LISTS["lines"], told, strict=True))


def _describe_return(found: OrderReturn | None, say: _Words) -> dict[str, str]:
    if found is None:
        return {}
    names = ("reason", "condition", "inspection")
    return {"mileage": say.count(found.mileage), **{name: getattr(found, name) for name in names}}


def _describe_offer(offer: SalesOffer | None, say: _Words) -> dict[str, str]:
    if offer is None:
        return {}
    told = {"valid_until": say.day(offer.valid_until), "comment": offer.comment}
    loan = read_loan(offer.loan)
    if loan is None:
        return told
    return told | {
        "loan_bank": loan.bank,
        "loan_programme": loan.programme,
        "loan_amount": say.money(loan.amount),
        "loan_down_payment": say.money(loan.down_payment),
        "loan_months": str(loan.term_months),
        "loan_rate": say.percent(loan.annual_rate),
        "loan_payment": say.money(loan.monthly_payment),
        "loan_psk": say.percent(loan.psk),
    }


def _describe_car(deal: Deal, say: _Words) -> dict[str, Any]:
    if deal.car_line is None:
        return {}
    sold: dict[str, Any] = {
        "name": deal.car_line.name,
        "vin": deal.car_line.vin,
        **say.sum("price", deal.car_line.line_total),
    }
    if deal.car is None:
        return sold
    names = ("make", "model", "year", "color", "body", "fuel")
    engine = "" if deal.car.engine_volume is None else f"{deal.car.engine_volume:.1f}".replace(".", ",")
    return {name: getattr(deal.car, name) for name in names} | {
        **sold,
        "engine": engine,
        "power": deal.car.power_hp,
        "mileage": say.count(deal.car.mileage),
    }


def _describe_trade_in(car: TradeInRequest, say: _Words) -> dict[str, Any]:
    worth = car.worth or car.amount
    if not worth:
        return {}
    return {
        "name": " ".join(filter(None, (car.make, car.model))),
        "vin": car.vin,
        "year": car.year,
        "mileage": say.count(car.mileage),
        **say.sum("amount", worth),
    }


def _describe_loan(deal: Deal, say: _Words) -> dict[str, str]:
    sums = settle(deal)
    loan = sums.lent + sums.loan_due
    return {**say.sum("amount", loan), "own_part": say.money(sums.own + sums.due)} if loan else {}


def _describe_sums(deal: Deal, say: _Words) -> dict[str, str]:
    """Say how the total is made up; what there is none of is empty."""
    order, sums = deal.order, settle(deal)
    parts = {
        "discount": order.discount_total,
        "own": sums.own,
        "lent": sums.lent,
        "trade_in_credit": sums.trade_in,
        "trade_in_surplus": sums.surplus,
        "allowance": order.allowance_amount,
        "premiums_back": order.returned_premiums,
        "excess": sums.excess,
        "vat": order.vat_total,
    }
    told = {"paid": say.money(order.amount_paid), "due": say.money(sums.due)}
    return told | {name: say.money(amount) if amount else "" for name, amount in parts.items()}


def _describe_deposit(deposit: DepositAgreement | None, say: _Words) -> dict[str, str]:
    if deposit is None:
        return {}
    until: datetime = deposit.until
    return {"kind": deposit.kind, "until": say.day(dealer_day(until)), **say.sum("amount", deposit.amount)}
