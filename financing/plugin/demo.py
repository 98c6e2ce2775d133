"""Programmes that a new dealership offers, so that a first start can sell on credit."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from core.clock import dealer_day
from financing import services
from financing.models import CreditLimit, FinancingType, LimitKind, Programme, ScheduleType
from financing.queries.limit_files import LimitFact
from financing.queries.limits import get_quarter_start
from financing.rules.calculations import add_months
from financing.services import ProgrammeFields

_CAR_LOAN = ProgrammeFields(
    bank="Банк «Северный»",
    name="Автокредит",
    financing_type=FinancingType.CAR_LOAN,
    base_rate=Decimal("17.9"),
    min_down_payment_percent=Decimal(10),
    max_ltv_percent=Decimal(90),
)
_LEASING = ProgrammeFields(
    bank="Лизинг «Дорога»",
    name="Лизинг для бизнеса и граждан",
    financing_type=FinancingType.LEASING,
    schedule=ScheduleType.BALLOON,
    base_rate=Decimal("16.5"),
    residual_percent=Decimal(10),
    min_down_payment_percent=Decimal(10),
    min_term_months=12,
    max_term_months=60,
)
_INSTALMENTS = ProgrammeFields(
    bank="Банк «Рассвет»",
    name="Рассрочка 0 %",
    financing_type=FinancingType.INSTALLMENT,
    base_rate=Decimal(0),
    min_down_payment_percent=Decimal(30),
    max_ltv_percent=Decimal(70),
    max_term_months=36,
)
_CAR_LOAN_RATES = {3: Decimal("14.9"), 37: Decimal("15.9"), 61: Decimal("17.9")}
"""Per cent a year from a term in months on."""
_PROGRAMMES: tuple[tuple[ProgrammeFields, dict[int, Decimal]], ...] = (
    (_CAR_LOAN, _CAR_LOAN_RATES),
    (_LEASING, {}),
    (_INSTALMENTS, {}),
)


def create_demo(now: datetime) -> None:
    """Open a loan, a leasing and an instalment programme, once: what has the same name already is left alone.

    Limits of lending are opened with them, once, for this quarter.
    """
    _open_limits(now)
    common = ProgrammeFields(
        min_amount=Decimal(50_000), max_amount=Decimal(20_000_000), valid_from=dealer_day(now).replace(month=1, day=1)
    )
    for fields, rates in _PROGRAMMES:
        _open(common | fields, rates, now)
    _open_connected(common, now)


def _open_connected(common: ProgrammeFields, now: datetime) -> None:
    """Banks that decide over their own API: their sandboxes run beside the product in debug."""
    if settings.DEBUG:
        for bank, name, connection, rate in _CONNECTED:
            terms = ProgrammeFields(
                bank=bank, name=name, connection=connection, financing_type=FinancingType.CAR_LOAN, base_rate=rate
            )
            _open(common | terms, {}, now)


def _open_limits(now: datetime) -> None:
    """The Bank of Russia's averages that we could read, told to be of another quarter, and a plan to begin with."""
    if CreditLimit.objects.exists():
        return
    first = get_quarter_start(dealer_day(now))
    last = add_months(first, 3) - timedelta(days=1)
    facts = [
        LimitFact(kind=kind, value=Decimal(value), valid_from=first, valid_to=last, source=source)
        for kind, value, source in _LIMITS
    ]
    services.write_limits(facts=facts, now=now)


_AVERAGES = "demo: the Bank of Russia's averages for agreements of the third quarter of 2025 (garant.ru, 411925014)"
_SHARES = "demo: the Bank of Russia's limits for car loans from the third quarter of 2025, by the press"
_LIMITS = (
    (LimitKind.PSK_NEW, "26.699", _AVERAGES),
    (LimitKind.PSK_USED, "28.230", _AVERAGES),
    (LimitKind.SHARE_MODERATE, "20", _SHARES),
    (LimitKind.SHARE_HIGH, "5", _SHARES),
    (LimitKind.PLAN, "500000000", "demo: what each bank of ours means to lend"),
)
_CONNECTED = (
    ("Банк «Вега»", "Авто онлайн", "vega", Decimal("15.4")),
    ("Банк «Полюс»", "Авто за час", "polus", Decimal("14.5")),
)


def _open(fields: ProgrammeFields, rates: dict[int, Decimal], now: datetime) -> None:
    if not Programme.objects.filter(bank=fields["bank"], name=fields["name"]).exists():
        services.open_programme(fields=fields, rates=rates, now=now)
