"""Read what the calculator is asked: plain terms, and the rules of a programme or such as are named."""

from datetime import date
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from core.clock import dealer_day
from financing import queries
from financing.models import WorkCalendarYear
from financing.rules.bank_rules import MODES, BankRules
from financing.rules.calculations import (
    Conventions,
    DayCount,
    Fee,
    InvalidTerms,
    LoanQuote,
    LoanTerms,
    MonthEnd,
    NoRateFound,
    Rounding,
    ScheduleKind,
    Shift,
    WorkCalendar,
    calculate,
    find_problems,
)
from gateway.writes import Call

NAMED = ("due_shift", "month_end", "payment_unit", "payment_rounding", "interest_rounding")


def quote_asked(call: Call) -> LoanQuote:
    """Calculate what the caller asks. Raises ValidationError naming every field that is wrong."""
    data, today = dict(call.body), dealer_day(call.now)
    programme_id = data.pop("programme_id")
    named = {name: data.pop(name) for name in NAMED}
    terms = _terms(data, named)
    problems = find_problems(terms)
    if problems:
        raise refusal(*problems)
    try:
        if programme_id is not None:
            terms = _by_programme(data, queries.rules_on_offer(programme_id, today), today)
        return calculate(terms, today=today)
    except InvalidTerms as error:
        raise refusal(error) from error
    except NoRateFound as error:
        raise refusal(InvalidTerms("fees", "no_rate", str(error))) from error


def refusal(*problems: InvalidTerms) -> ValidationError:
    """Answer with what is wrong, by field."""
    return ValidationError({item.field: [ErrorDetail(item.detail, item.code)] for item in problems})


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    day_count = data["day_count"]
    return data | {
        "schedule": ScheduleKind(data["schedule"]),
        "day_count": DayCount(day_count) if day_count else None,
        "fees": [Fee(**fee) for fee in data["fees"]],
    }


def _terms(data: dict[str, Any], named: dict[str, Any]) -> LoanTerms:
    shift, first = Shift(named["due_shift"]), data["disbursement_date"] or data["first_payment_date"]
    calendar = WorkCalendar()
    if shift is not Shift.NONE and first is not None and 0 < data["term_months"] <= 360:
        calendar = WorkCalendarYear.read(first.year - 1, first.year + data["term_months"] // 12 + 2)
    conventions = Conventions(
        payment_rounding=Rounding(named["payment_unit"], MODES[named["payment_rounding"]]),
        interest_rounding=Rounding(mode=MODES[named["interest_rounding"]]),
        month_end=MonthEnd(named["month_end"]),
        shift=shift,
        calendar=calendar,
        pays_interest=shift is not Shift.NONE,
    )
    return LoanTerms(**_plain(data), conventions=conventions)


def _by_programme(data: dict[str, Any], rules: BankRules, today: date) -> LoanTerms:
    """Put the programme's rules in the place of those named; the payout is today unless a day is named."""
    if data["first_payment_date"] is not None:
        raise InvalidTerms("first_payment_date", "by_programme", "The programme says when the first payment is due.")
    plain, lent = _plain(data), LoanTerms(**_plain(data)).amount_financed
    payout = data["disbursement_date"] or today
    added = rules.terms(payout, lent, data["term_months"], WorkCalendarYear.read)
    added["grace_months"] = max(data["grace_months"], added.get("grace_months", 0))
    return LoanTerms(**plain | added | {"fees": [*plain["fees"], *added["fees"]]})
