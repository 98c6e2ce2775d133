"""The calculator of the pages: plain terms in, a quote out; nothing is stored."""

from datetime import datetime
from decimal import Decimal

from core.clock import dealer_day
from core.errors import InvalidInput
from financing.rules.calculations import InvalidTerms, LoanQuote, LoanTerms, NoRateFound, ScheduleKind, calculate


def quote_loan(
    *,
    vehicle_price: Decimal,
    down_payment: Decimal,
    term_months: int,
    annual_rate: Decimal,
    schedule: str,
    now: datetime,
    balloon: Decimal = Decimal(0),
) -> LoanQuote:
    """Calculate a loan paid out today: roubles, % a year. Raises InvalidInput naming the field."""
    terms = LoanTerms(
        vehicle_price=vehicle_price,
        down_payment=down_payment,
        term_months=term_months,
        annual_rate=annual_rate,
        schedule=ScheduleKind(schedule),
        balloon=balloon,
    )
    try:
        return calculate(terms, today=dealer_day(now))
    except InvalidTerms as error:
        raise InvalidInput(error.field, error.code, error.detail) from error
    except NoRateFound as error:
        raise InvalidInput("annual_rate", "no_rate", str(error)) from error
