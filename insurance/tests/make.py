"""Quotes, policies and claims for tests, made the way the product makes them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from insurance import services
from insurance.models import Claim, Policy, Quote, TariffRevision
from insurance.queries.reading import read_tariff_tables
from insurance.rules.pricing import QuoteRequest, read_request
from insurance.rules.rating.rows import TariffFact
from insurance.rules.tariffs import InsurerTariff

DRIVER = {"birth_date": "1985-05-20", "licence_since": "2005-06-01", "kbm": "13"}
BORN = date.fromisoformat(DRIVER["birth_date"])
OSAGO: dict[str, Any] = {
    "insurance_type": "osago",
    "coverage_amount": "400000",
    "vehicle_make": "Lada",
    "vehicle_model": "Vesta",
    "vehicle_year": 2024,
    "vehicle_vin": "XTA210990Y2766389",
    "engine_power": 106,
    "region": "Москва",
    "drivers": [DRIVER],
}
KASKO: dict[str, Any] = OSAGO | {"insurance_type": "kasko", "coverage_amount": "2000000.00", "deductible": "10000"}


_cars = (f"XTA210990Y{number:07}" for number in count(3_000_000) if number % 10_000 > 9)
"""VINs; the insurers' sandbox have their moods for cars that end otherwise."""


def another_car(raw: dict[str, Any], vin: str) -> dict[str, Any]:
    """The request for another car, unless it names one of its own: a car has one policy of a kind at a time."""
    return raw | {"vehicle_vin": vin} if raw["vehicle_vin"] == OSAGO["vehicle_vin"] else raw


def request(**changes: Any) -> QuoteRequest:
    """A KASKO request for a car of its own."""
    return read_request(another_car(KASKO | changes, next(_cars)))


def quote(*, customer_id: UUID | None = None, now: datetime | None = None, **changes: Any) -> Quote:
    """A client's KASKO quote."""
    return services.make_quote(
        customer_id=customer_id or uuid7(), request=request(**changes), now=now or timezone.now()
    )


def policies(
    *quotes: dict[str, Any],
    attempt_id: UUID | None = None,
    order_id: UUID | None = None,
    customer_id: UUID | None = None,
    now: datetime | None = None,
) -> list[Policy]:
    """Return what a checkout bought: KASKO unless told otherwise."""
    attempt, vin = attempt_id or uuid7(), next(_cars)
    services.issue_policies(
        order_id=order_id or uuid7(),
        attempt_id=attempt,
        customer_id=customer_id or uuid7(),
        quotes=[another_car(raw, vin) for raw in quotes or [KASKO]],
        now=now or timezone.now(),
    )
    return list(Policy.objects.filter(attempt_id=attempt).order_by("number"))


def policy(*quotes: dict[str, Any], **options: Any) -> Policy:
    """The first of what a checkout bought."""
    return policies(*quotes, **options)[0]


def claim(
    of: Policy | None = None,
    *,
    amount: str = "100000.00",
    now: datetime | None = None,
    kind: str = "",
    report: services.LossReport | None = None,
) -> Claim:
    """A loss reported an hour after the policy began."""
    known = of or policy()
    occurred_at = known.activated_at + timedelta(hours=1)
    told = report or (services.LossReport(kind=kind) if kind else services.LossReport())
    return services.open_claim(
        policy_id=known.id,
        occurred_at=occurred_at,
        description="A scratch.",
        amount=Decimal(amount),
        report=told,
        now=now or occurred_at + timedelta(hours=1),
    )


def get_tariff(policy: Policy) -> InsurerTariff:
    """The tariff of a policy's insurer."""
    return read_tariff_tables(policy.quote.tariff_revision).insurer(policy.insurer, policy.quote.rated_on)


def papers(of: Claim, *kinds: str) -> None:
    """Papers of a claim, one of each kind."""
    for kind in kinds:
        services.add_document(
            claim_id=of.id,
            kind=kind,
            name=f"{kind}.pdf",
            content=f"%PDF-1.4 {kind}".encode(),
            actor_id=of.customer_id,
            now=timezone.now(),
        )


def kt(value: str, city: str = "Тверь", **fields: Any) -> TariffFact:
    """A row of КТ in Tver region."""
    region = "Тверская область"
    return TariffFact(
        table="territories",
        key=f"{region}|{city}",
        value={"region": region, "city": city, "kt": value},
        valid_from=fields.pop("valid_from", date(2022, 9, 13)),
        source="a test",
        **fields,
    )


def load(*facts: TariffFact, **options: Any) -> TariffRevision:
    """The revision that rows made."""
    return services.import_tariff(facts=facts, note="test", now=timezone.now(), **options)
