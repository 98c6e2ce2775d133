"""Decide which changes of a policy cover more, and when they may be made."""

from collections.abc import Iterator

from core.money import ZERO
from insurance.errors import LossOpen
from insurance.models import Policy
from insurance.models.claims import OPEN
from insurance.queries.reading import read_tariff_tables
from insurance.rules.pricing import QuoteRequest
from insurance.rules.tariffs import InsurerTariff


def refuse_widening(policy: Policy, before: QuoteRequest, after: QuoteRequest) -> None:
    """Refuse to cover more while a loss of a locked policy is open. Raises LossOpen."""
    widened = widened_by(policy, before, after)
    if widened and policy.claims.filter(status__in=OPEN).exists():
        raise LossOpen(widened=widened)


def widened_by(policy: Policy, before: QuoteRequest, after: QuoteRequest) -> list[str]:
    """Fields in which a policy would pay more, or oftener, than it does."""
    insurer = read_tariff_tables(policy.quote.tariff_revision).insurer(policy.insurer, policy.quote.rated_on)
    return list(_widened(before, after, insurer))


def _widened(before: QuoteRequest, after: QuoteRequest, insurer: InsurerTariff) -> Iterator[str]:
    had, has = before.coverage_amount or ZERO, after.coverage_amount or ZERO
    if has > had:
        yield "coverage_amount"
    # Of an under-insured car the share that is insured is paid: a lower value of the car pays more of the same loss.
    if has * (before.vehicle_value or had) > had * (after.vehicle_value or has):
        yield "vehicle_value"
    if after.deductible < before.deductible:
        yield "deductible"
    if before.drivers is not None and not _named(after) <= _named(before):
        yield "drivers"
    dear = insurer.programmes.get(after.programme, ZERO) > insurer.programmes.get(before.programme, ZERO)
    if dear and after.programme != before.programme:
        yield "programme"
    if set(after.additions) - set(before.additions):
        yield "additions"


def _named(request: QuoteRequest) -> set[object]:
    """Return who may drive; anybody is nobody's name."""
    return {"anybody"} if request.drivers is None else {driver.birth_date for driver in request.drivers}
