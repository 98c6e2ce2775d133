"""Price a loan by a bank's programme: for calculators of whole deals, without an application."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Min
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.errors import InvalidInput
from core.money import ZERO, money
from financing.errors import NoProgramme, UnknownProgramme
from financing.models import Programme, WorkCalendarYear
from financing.queries.cars import UNKNOWN_CAR, Car, car_among
from financing.queries.limits import Ceiling, Limits, limits_on
from financing.rules.bank_rules import BankRules
from financing.rules.calculations import InvalidTerms, LoanQuote, NoRateFound, calculate
from financing.rules.calculations.terms import LoanTerms, ScheduleKind, premium_fees
from financing.rules.decisions import LentSums, find_refusal
from financing.rules.refusals import word_refused_car, word_refused_sums
from messaging.peering.reads import answers

CAR_LOAN, CURRENCY = "car_loan", "RUB"
LentFor = tuple[Decimal, Decimal, Car]
"""Price and down payment in roubles, and the car."""
OF_CAR_AND_TERM = frozenset({"vehicle_age", "residual"})
"""Thresholds that another term may keep to."""


class OfferTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a loan's figures come from: roubles, per cent a year, and the programme's version it was read of.

    `financed_premium` is insurance added to the loan; `psk_premium` is the part of it that counts in ПСК. Dates stand
    here where sums depend on them, so that a calendar that changes later does not reach an offer.
    """

    programme_id: UUID
    programme: str
    bank: str
    version: int
    annual_rate: Decimal
    schedule: str
    vehicle_price: Decimal
    down_payment: Decimal
    term_months: int
    balloon: Decimal
    financed_premium: Decimal
    psk_premium: Decimal
    financing_type: str = CAR_LOAN
    bank_rules: BankRules = BankRules()
    payout_date: date | None = None
    due_dates: tuple[date, ...] = ()


@dataclass(frozen=True)
class LoanOffer:
    """Cost of a loan as offered: roubles; `psk` and `apr` in per cent a year, `psk_amount` the full cost in money.

    `financed_fee` is in the amount financed and brings the order nothing, `withheld_fee` is kept from the payout.
    """

    terms: OfferTerms
    amount_financed: Decimal
    monthly_payment: Decimal
    total_interest: Decimal
    total_paid: Decimal
    psk: Decimal
    psk_amount: Decimal
    apr: Decimal
    financed_fee: Decimal = ZERO
    withheld_fee: Decimal = ZERO

    @property
    def paid_out(self) -> Decimal:
        """Return what the loan brings the order: the rest of it are fees that it pays itself."""
        return self.amount_financed - self.financed_fee - self.withheld_fee


@dataclass(frozen=True)
class ProgrammeChoice:
    """A programme to choose in a calculator: rates in per cent a year, terms in months.

    `least_rate` is that of its best term. With `is_estimate` a connected bank has the last word about its figures.
    """

    id: UUID
    bank: str
    name: str
    financing_type: str
    base_rate: Decimal
    min_term_months: int
    max_term_months: int
    least_rate: Decimal
    is_estimate: bool


def programme_choices(now: datetime) -> list[ProgrammeChoice]:
    """List what is on offer today, the lowest rate first."""
    day = dealer_day(now)
    offered = Programme.objects.filter(valid_from__lte=day).exclude(valid_to__lt=day)
    names = ("id", "bank", "name", "financing_type", "base_rate", "min_term_months", "max_term_months")
    least = Least("base_rate", Coalesce(Min("rates__annual_rate"), "base_rate"))
    rows = offered.annotate(least=least).order_by("least", "pk").values_list(*names, "least", "connection")
    found: list[Any] = [(*row, connection != "") for *row, connection in rows]
    return [ProgrammeChoice(*one) for one in found]


@answers("orders")
def loan_offer(
    *,
    vehicle_price: Decimal,
    down_payment: Decimal,
    term_months: int,
    day: date,
    programme_id: UUID | None = None,
    financing_type: str = CAR_LOAN,
    financed_premium: Decimal = Decimal(0),
    psk_premium: Decimal = Decimal(0),
    product_ids: list[UUID] | None = None,
) -> LoanOffer:
    """The cheapest offer on a day, or that of the programme named, for a term that it has.

    A connected bank counts by the programme it has told us: an estimate, since it has the last word. `product_ids` are
    what is bought: of the car among them the catalogue tells age and mileage, by which programmes lend less for a used
    one and nothing for an old one. Of an unknown car the thresholds of new ones hold, and the lower of the day's
    ceilings of ПСК. What no programme would lend has no offer: the refusal says what is in the way with the cheapest.

    Raises InvalidInput, NoProgramme.
    """
    programmes = _on_offer(financing_type, day, programme_id)
    if not programmes:
        raise UnknownProgramme("financing.programme_id") if programme_id else NoProgramme
    fitting = _having_term(programmes, term_months)
    premiums = financed_premium, psk_premium
    terms = [_terms(item, vehicle_price, down_payment, premiums, term_months, day) for item in fitting]
    offers, errors = _price_each(terms)
    if not offers:
        raise errors[0]
    car = car_among(product_ids) if product_ids else UNKNOWN_CAR
    lent = _lent(fitting, offers, car, day)
    if not lent:
        raise _refuse(fitting, offers, car, day)
    cheapest = _choose(lent, _ceilings(fitting, limits_on(day), car.is_used))
    if cheapest is None:
        raise InvalidInput("financing.term_months", "psk_cap", _("The full cost of this credit is above the ceiling."))
    return cheapest


def offer_stamp(day: date) -> str:
    """Name the programmes of car loans on offer on a day, in their versions: what was priced by others is outdated."""
    offered = Programme.objects.filter(financing_type=CAR_LOAN, valid_from__lte=day).exclude(valid_to__lt=day)
    return ".".join(f"{pk}-{version}" for pk, version in offered.order_by("pk").values_list("pk", "version"))


def cheapest_offers(wanted: Collection[LentFor], *, term_months: int, day: date) -> dict[LentFor, LoanOffer]:
    """Return the cheapest car loan for each price, down payment and car, as `loan_offer` gives it; where any fits.

    What is advertised must be lent: of a car nobody knows the stricter of the thresholds of new and used ones holds.
    The programmes and ceilings are read once for all of them. Roubles.
    """
    market = open_market(CAR_LOAN, term_months, day)
    priced: dict[tuple[Decimal, Decimal], list[LoanOffer]] = {}
    found: dict[LentFor, LoanOffer | None] = {}
    for price, down, car in wanted:
        if (price, down) not in priced:
            priced[price, down] = market.price(price, down)
        found[price, down, car] = market.cheapest(priced[price, down], car)
    return {one: offer for one, offer in found.items() if offer is not None}


@dataclass(frozen=True)
class Market:
    """Programmes on offer on a day that lend for a term, and the ceilings of ПСК of that day by what a car is."""

    programmes: Sequence[Programme]
    due_dates: Sequence[tuple[date, ...]]
    ceilings: Mapping[bool | None, Mapping[UUID, Ceiling | None]]
    term_months: int
    day: date

    def price(self, price: Decimal, down: Decimal) -> list[LoanOffer]:
        """Return what each programme would ask for, whatever the car."""
        dated = zip(self.programmes, self.due_dates, strict=True)
        terms = [_terms(item, price, down, (ZERO, ZERO), self.term_months, self.day, due) for item, due in dated]
        return _price_each(terms)[0]

    def cheapest(self, offers: Sequence[LoanOffer], car: Car) -> LoanOffer | None:
        """Return the cheapest lawful one that would be lent for a car; None where none would."""
        strict = replace(car, is_used=car.is_used is not False)
        return _choose(_lent(self.programmes, offers, strict, self.day), self.ceilings[car.is_used])


def open_market(financing_type: str, term_months: int, day: date) -> Market:
    """Read once what any number of cars are priced by."""
    programmes = [
        item
        for item in _on_offer(financing_type, day, None)
        if item.min_term_months <= term_months <= item.max_term_months
    ]
    limits = limits_on(day) if programmes else None
    ceilings = {is_used: _ceilings(programmes, limits, is_used) if limits else {} for is_used in (True, False, None)}
    due_dates = [_due_dates(item, term_months, day) for item in programmes]
    return Market(programmes, due_dates, ceilings, term_months, day)


def _having_term(programmes: Sequence[Programme], term_months: int) -> list[Programme]:
    """Return the programmes that lend for so long. Raises InvalidInput where none does."""
    fitting = [item for item in programmes if item.min_term_months <= term_months <= item.max_term_months]
    if not fitting:
        least = min(item.min_term_months for item in programmes)
        most = max(item.max_term_months for item in programmes)
        detail = _("The term is %(least)s to %(most)s months.") % {"least": least, "most": most}
        raise InvalidInput("financing.term_months", "out_of_range", detail)
    return fitting


def _price_each(terms: Sequence[OfferTerms]) -> tuple[list[LoanOffer], list[InvalidInput]]:
    """Return the offers by these terms, and why others have none: what one bank cannot lend, another may."""
    offers, errors = [], []
    for one in terms:
        try:
            offers.append(recalculate_offer(one))
        except InvalidInput as error:
            errors.append(error)
    return offers, errors


def _lent(programmes: Sequence[Programme], offers: Sequence[LoanOffer], car: Car, day: date) -> list[LoanOffer]:
    """Return the offers that no threshold of their programme would refuse; of a used car, its own ones too."""
    rules = {item.id: item.rules for item in programmes}
    return [one for one in offers if find_refusal(_sum_up(one, car, day), rules[one.terms.programme_id]) is None]


def _sum_up(offer: LoanOffer, car: Car, day: date) -> LentSums:
    terms = offer.terms
    return LentSums(
        today=day,
        term_months=terms.term_months,
        value=terms.vehicle_price,
        order_total=terms.vehicle_price + terms.financed_premium,
        down_payment=terms.down_payment,
        amount=offer.amount_financed,
        premium_lent=terms.financed_premium,
        fee_lent=offer.financed_fee,
        is_used=car.is_used,
        vehicle_year=car.year,
        balloon=terms.balloon,
    )


def _refuse(programmes: Sequence[Programme], offers: Sequence[LoanOffer], car: Car, day: date) -> InvalidInput:
    """Return which threshold of the cheapest programme stands in the way of a loan that nobody gives."""
    nearest = min(offers, key=lambda offer: (offer.psk, offer.terms.programme_id))
    rules = next(item.rules for item in programmes if item.id == nearest.terms.programme_id)
    refusal = find_refusal(_sum_up(nearest, car, day), rules)
    if refusal is not None and refusal.code in OF_CAR_AND_TERM:
        return InvalidInput("financing.term_months", "not_lent", word_refused_car(nearest.terms.bank, refusal))
    return InvalidInput("financing.down_payment", "not_lent", word_refused_sums(nearest.terms.bank, refusal, rules))


def _ceilings(programmes: Sequence[Programme], limits: Limits, is_used: bool | None) -> dict[UUID, Ceiling | None]:
    return {item.id: limits.ceiling(item, is_used) for item in programmes}


def _choose(offers: Sequence[LoanOffer], ceilings: Mapping[UUID, Ceiling | None]) -> LoanOffer | None:
    """Return the cheapest lawful offer, None where all are above the day's ceilings."""
    lawful = [offer for offer in offers if _is_lawful(offer, ceilings[offer.terms.programme_id])]
    return min(lawful, key=lambda offer: (offer.psk, offer.terms.programme_id), default=None)


def _is_lawful(offer: LoanOffer, ceiling: Ceiling | None) -> bool:
    return ceiling is None or offer.psk <= ceiling.percent


@answers("orders")
def require_programme(programme_id: UUID, financing_type: str, *, now: datetime) -> None:
    """Refuse to name a programme that is not on offer for this kind of financing. Raises UnknownProgramme."""
    if not _on_offer(financing_type, dealer_day(now), programme_id):
        raise UnknownProgramme


def _on_offer(financing_type: str, day: date, programme_id: UUID | None) -> list[Programme]:
    offered = Programme.objects.filter(financing_type=financing_type, valid_from__lte=day)
    offered = offered.exclude(valid_to__lt=day).prefetch_related("rates")
    return list(offered.filter(pk=programme_id) if programme_id else offered)


def _due_dates(programme: Programme, term_months: int, day: date) -> tuple[date, ...]:
    """Return the due dates of a loan paid out on a day, where its sums depend on them."""
    rules = programme.bank_rules
    return rules.due_dates(day, term_months, WorkCalendarYear.read) if rules.is_dated else ()


def _terms(
    programme: Programme,
    price: Decimal,
    down: Decimal,
    premiums: tuple[Decimal, Decimal],
    term_months: int,
    day: date,
    due: tuple[date, ...] | None = None,
) -> OfferTerms:
    """Return the terms of a loan; `premiums` are what is lent for insurance, and the part that ПСК counts.

    Its due dates are those given, else worked out here.
    """
    due = _due_dates(programme, term_months, day) if due is None else due
    financed, in_psk = premiums
    return OfferTerms(
        programme_id=programme.id,
        programme=programme.name,
        bank=programme.bank,
        version=programme.version,
        annual_rate=programme.rate_for(term_months),
        schedule=programme.schedule,
        vehicle_price=price,
        down_payment=down,
        term_months=term_months,
        balloon=min(programme.balloon_for(price), money(price - down)),
        financed_premium=financed,
        psk_premium=in_psk,
        financing_type=programme.financing_type,
        bank_rules=programme.bank_rules,
        payout_date=day if due else None,
        due_dates=due,
    )


def recalculate_offer(terms: OfferTerms) -> LoanOffer:
    """The figures of an offer from its terms alone: the same terms always give the same. Raises InvalidInput."""
    rules, lent = terms.bank_rules, terms.vehicle_price - terms.down_payment + terms.financed_premium
    payout = terms.payout_date
    quote = _calculated(
        LoanTerms(
            vehicle_price=terms.vehicle_price,
            down_payment=terms.down_payment,
            term_months=terms.term_months,
            annual_rate=terms.annual_rate,
            schedule=ScheduleKind(terms.schedule),
            balloon=terms.balloon,
            fees=[
                *premium_fees(terms.financed_premium, terms.psk_premium),
                *rules.fee_list(lent, terms.term_months),
            ],
            day_count=rules.day_count,
            disbursement_date=payout,
            due_on=terms.due_dates,
            grace_months=int(payout is not None and rules.pays_interest_first(payout, terms.term_months)),
            conventions=rules.conventions,
        )
    )
    return LoanOffer(
        terms=terms,
        amount_financed=quote.amount_financed,
        monthly_payment=quote.monthly_payment,
        total_interest=quote.total_interest,
        total_paid=quote.total_paid,
        psk=quote.psk,
        psk_amount=quote.psk_amount,
        apr=quote.apr,
        financed_fee=rules.financed_fee(lent),
        withheld_fee=quote.withheld,
    )


def _calculated(terms: LoanTerms) -> LoanQuote:
    try:
        return calculate(terms)
    except InvalidTerms as error:
        raise InvalidInput(f"financing.{error.field}", error.code, error.detail) from error
    except NoRateFound as error:
        raise InvalidInput("financing.term_months", "no_rate", str(error)) from error


def read_offer_terms(stored: Mapping[str, Any]) -> OfferTerms:
    """Terms as they were stored."""
    return msgspec.convert(dict(stored), OfferTerms, strict=False)
