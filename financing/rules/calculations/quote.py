"""The loan calculator: terms in, a quote with the whole schedule, EU APR and ПСК out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from financing.rules.calculations.apr import DatedFlow, apr_eu, apr_eu_from_periods, psk, psk_from_periods
from financing.rules.calculations.daycount import interest_factors
from financing.rules.calculations.errors import InvalidTerms, NoRateFound, PaymentBelowInterest
from financing.rules.calculations.rates import Flow
from financing.rules.calculations.rounding import KOPECK, PERCENT, ZERO, precise, shown_percent
from financing.rules.calculations.schedule import Credit, Row, Schedule, annuity_schedule, differentiated_schedule
from financing.rules.calculations.terms import (
    AT_DISBURSEMENT,
    WITH_EACH_PAYMENT,
    Fee,
    LoanTerms,
    ScheduleKind,
    check_terms,
)

MONTHS_A_YEAR = 12
APR_PLACES, PSK_PLACES = 2, 3


@dataclass(frozen=True)
class LoanQuote:
    """The answer to LoanTerms: roubles; `apr` (EU) and `psk` in per cent a year with 2 and 3 decimals.

    `monthly_payment` is the regular payment with the fees of each payment, of a differentiated loan the greatest;
    `regular` is the same without fees, of a differentiated loan its part of the principal.
    `total_paid` is all rows and what is paid apart at disbursement, the down payment aside; `psk_amount` is the cost
    that ПСК expresses. Of the amount financed `withheld` never leaves the lender: the schedule repays it.
    """

    amount_financed: Decimal
    monthly_payment: Decimal
    total_interest: Decimal
    total_paid: Decimal
    apr: Decimal
    psk: Decimal
    psk_amount: Decimal
    schedule: tuple[Row, ...]
    regular: Decimal
    withheld: Decimal = ZERO

    @property
    def average_payment(self) -> Decimal:
        """Return what ПДН counts for the loan, roubles: its schedule's average payment, with a residual payment."""
        paid = sum((row.payment for row in self.schedule), ZERO)
        return (paid / len(self.schedule)).quantize(KOPECK, ROUND_HALF_UP)


def _fees_by_row(fees: Iterable[Fee], rows: int) -> list[Decimal]:
    each = sum((fee.amount for fee in fees if fee.when == WITH_EACH_PAYMENT), ZERO)
    by_row = [each] * rows
    for fee in fees:
        if isinstance(fee.when, int):
            by_row[fee.when - 1] += fee.amount
    return by_row


def _upfront(fees: Iterable[Fee]) -> Decimal:
    return sum((fee.amount for fee in fees if fee.when == AT_DISBURSEMENT), ZERO)


def build_schedule(terms: LoanTerms, today: date | None = None) -> Schedule:
    """Return the schedule of checked terms; see `calculate`.

    Raises PaymentBelowInterest where the first payment after the grace would not bring the debt down.
    """
    dates = terms.dates
    rate = terms.annual_rate / PERCENT
    credit = Credit(
        principal=terms.amount_financed,
        factors=interest_factors(rate, *dates, terms.basis) if dates else [rate / MONTHS_A_YEAR] * terms.term_months,
        due_dates=terms.shown_dates(today),
        fees=_fees_by_row(terms.fees, terms.term_months),
        balloon=terms.balloon,
        interest_only=terms.grace_months,
        pays_interest=terms.conventions.pays_interest,
        payment_rounding=terms.conventions.payment_rounding,
        interest_rounding=terms.conventions.interest_rounding,
    )
    build = differentiated_schedule if terms.schedule is ScheduleKind.DIFFERENTIATED else annuity_schedule
    schedule = build(credit)
    is_held = terms.grace_months and terms.conventions.pays_interest
    if schedule.rows[terms.grace_months].principal <= 0 and not terms.balloon and not is_held:
        raise PaymentBelowInterest
    return schedule


def _cost_flows(terms: LoanTerms, rows: Iterable[Row]) -> Iterator[Decimal]:
    """Money between borrower and lender that counts in ПСК: the payout less upfront fees, then each payment."""
    counted = [fee for fee in terms.fees if fee.in_psk]
    optional = [fee for fee in terms.fees if not fee.in_psk]
    yield _upfront(counted) - terms.amount_financed
    for row, aside in zip(rows, _fees_by_row(optional, terms.term_months), strict=True):
        yield row.payment - aside


def _rates(terms: LoanTerms, schedule: Schedule) -> tuple[Decimal, Decimal]:
    """Return EU APR and ПСК in per cent, unrounded."""
    amounts = list(_cost_flows(terms, schedule.rows))
    if dates := terms.dates:
        dated = [DatedFlow(day, amount) for day, amount in zip((dates[0], *dates[1]), amounts, strict=True)]
        psk_rate = psk(dated, near=terms.annual_rate)
        return apr_eu(dated, near=psk_rate), psk_rate
    flows = [Flow(amount, month) for month, amount in enumerate(amounts)]
    psk_rate = psk_from_periods(flows, near=terms.annual_rate)
    return apr_eu_from_periods(flows, near=psk_rate), psk_rate


@precise
def calculate(terms: LoanTerms, *, today: date | None = None) -> LoanQuote:
    """Return the quote of a loan. Where the terms have no dates, rows are dated from `today`, and not at all without
    it; equal months are counted either way. Raises InvalidTerms.
    """
    check_terms(terms)
    schedule = build_schedule(terms, today)
    try:
        apr, psk_rate = _rates(terms, schedule)
    except NoRateFound as error:
        raise InvalidTerms("fees", "max_value", "The fees are too large for this loan.") from error
    aside = _upfront(fee for fee in terms.fees if not (fee.financed or fee.withheld))
    each = sum((fee.amount for fee in terms.fees if fee.when == WITH_EACH_PAYMENT), ZERO)
    is_differentiated = terms.schedule is ScheduleKind.DIFFERENTIATED
    return LoanQuote(
        amount_financed=terms.amount_financed.quantize(KOPECK),
        monthly_payment=schedule.payment + each,
        total_interest=schedule.total_interest,
        total_paid=schedule.total_paid + aside,
        apr=shown_percent(apr, APR_PLACES),
        psk=shown_percent(psk_rate, PSK_PLACES),
        psk_amount=sum(_cost_flows(terms, schedule.rows), ZERO),
        schedule=schedule.rows,
        regular=schedule.rows[terms.grace_months].principal if is_differentiated else schedule.payment,
        withheld=terms.withheld,
    )
