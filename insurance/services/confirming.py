"""Find what a premium owes to the client's word alone.

The catalogue answers for cars that are ours. No registry of КБМ classes or of other cars answers us: whoever tells a
better class or a weaker engine pays less. So a premium that rests on such words is provisional until a member of the
staff has seen a paper or an extract that says the same.
"""

from typing import Any

from insurance.models import Policy
from insurance.queries.reading import insured_request
from insurance.queries.vehicles import vouched_for
from insurance.rules.pricing import InsuranceType, QuoteRequest, kbm_class
from insurance.rules.rating.tariffs import KBM

Fact = tuple[Any, ...]


def told_alone(request: QuoteRequest) -> list[str]:
    """Fields of a request that its premium depends on and nobody but the client vouches for.

    What was confirmed of the car and its drivers when it was insured here last needs no second confirmation, and what
    the catalogue says of a car that is ours needs none at all.
    """
    found = _facts(request)
    known = _confirmed_before(request) if found else None
    unlike = _unlike(found, known)
    vouched = vouched_for(request) if unlike else frozenset()
    return [name for name in unlike if name not in vouched]


def told_anew(request: QuoteRequest, insured: QuoteRequest) -> list[str]:
    """Of what the client alone tells, that which the policy does not rest on already."""
    anew = set(_unlike(_facts(request), insured))
    return [name for name in told_alone(request) if name in anew]


def _unlike(facts: dict[str, Fact], known: QuoteRequest | None) -> list[str]:
    vouched = set() if known is None else set(_facts(known).values())
    return [name for name, fact in facts.items() if fact not in vouched]


def _facts(request: QuoteRequest) -> dict[str, Fact]:
    """Return what a client may tell to pay less, by field."""
    if request.insurance_type is InsuranceType.KASKO:
        return {"vehicle_year": ("vehicle_year", request.vehicle_year)}
    facts: dict[str, Fact] = {"engine_power": ("engine_power", request.engine_power)}
    if request.drivers is None and _is_better(request.owner_kbm):
        facts["owner_kbm"] = ("owner_kbm", kbm_class(request.owner_kbm))
    for number, driver in enumerate(request.drivers or []):
        if _is_better(driver.kbm):
            fact = ("kbm", driver.birth_date, driver.licence_since, kbm_class(driver.kbm))
            facts[f"drivers.{number}.kbm"] = fact
    return facts


def _is_better(given: str | int | float | None) -> bool:
    """Tell whether a class makes the premium lower than that of somebody nothing is known of."""
    starting = KBM[kbm_class(None)]
    return KBM.get(kbm_class(given), starting) < starting


def _confirmed_before(request: QuoteRequest) -> QuoteRequest | None:
    """Return what was confirmed of the car when it was insured here last."""
    known = Policy.objects.filter(vehicle_vin=request.vehicle_vin, confirmed_at__isnull=False, unconfirmed=[])
    last = known.filter(insurance_type=request.insurance_type.value).order_by("-confirmed_at").first()
    return None if last is None else insured_request(last)
