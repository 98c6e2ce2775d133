"""Limits of lending: writing dated rows, and holding every agreement to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import NAMESPACE_OID, UUID, uuid5

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from financing.approvals import LIMITS
from financing.errors import LendingShareFull
from financing.models import Application, CreditLimit, LimitKind, Programme
from financing.queries.limit_files import LimitFact
from financing.queries.limits import SHARES, Limits, get_debt_tier, get_quarter_start, limits_on
from financing.queries.shares import Share, compute_debt_load, quarter_share
from financing.rules.calculations import LoanQuote
from gateway import approvals

SOURCE_LENGTH = 300


@dataclass(frozen=True)
class Written:
    """Counts of what writing limits did."""

    added: int
    withdrawn: int


def write_limits(*, facts: Sequence[LimitFact], now: datetime, author_id: UUID | None = None) -> Written:
    """Put limits in force; one of the same kind, bank and first day is withdrawn and stays as history.

    What is in force already changes nothing; what a person writes waits for a second one. Raises InvalidInput, Waits.
    """
    for number, fact in enumerate(facts, 1):
        _check(fact, f"rows.{number}")
    with transaction("financing"):
        known = {
            (row.kind, row.bank, row.valid_from): row
            for row in CreditLimit.objects.select_for_update().filter(withdrawn_at=None).order_by("pk")
        }
        fresh = {fact.place: fact for fact in facts}
        changed = [fact for place, fact in fresh.items() if place not in known or not _is_same(known[place], fact)]
        if changed:
            approvals.admit(LIMITS, _ask(changed, author_id), now=now)
        old = [known[fact.place].pk for fact in changed if fact.place in known]
        CreditLimit.objects.filter(pk__in=old).update(withdrawn_at=now)
        CreditLimit.objects.bulk_create(_row(fact, author_id, now) for fact in changed)
    return Written(added=len(changed), withdrawn=len(old))


def limits_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, facts: list[LimitFact]
) -> None:
    """Put limits in force that one person wrote and another agreed to. Raises InvalidInput."""
    write_limits(facts=facts, author_id=maker_id, now=now)


def _ask(facts: Sequence[LimitFact], author_id: UUID | None) -> approvals.Ask:
    places = sorted(f"{LimitKind(fact.kind).value} {fact.bank} {fact.valid_from}" for fact in facts)
    return approvals.Ask(
        subject_id=uuid5(NAMESPACE_OID, "; ".join(places)),
        amount=None,
        maker_id=author_id,
        beneficiary_id=None,
        number=places[0][:60],
        evidence="; ".join(f"{fact.kind} {fact.bank} {fact.valid_from}: {fact.value}" for fact in facts)[:1000],
        args={"facts": list(facts)},
    )


def _check(fact: LimitFact, place: str) -> None:
    if fact.valid_to < fact.valid_from:
        raise InvalidInput(f"{place}.valid_to", "min_value", _("The last day is before the first."))
    is_sane = fact.value.is_finite() and fact.value >= 0 and (fact.kind == LimitKind.PLAN or fact.value <= 1000)
    if not is_sane or fact.value >= Decimal(10) ** 13 or fact.value != round(fact.value, 3):
        raise InvalidInput(f"{place}.value", "invalid", _("A number of at most three decimals, 0 or more."))
    if not fact.source.strip():
        raise InvalidInput(f"{place}.source", "required", _("Say where this was read."))


def _is_same(row: CreditLimit, fact: LimitFact) -> bool:
    return (row.value, row.valid_to, row.source) == (fact.value, fact.valid_to, fact.source[:SOURCE_LENGTH])


def _row(fact: LimitFact, author_id: UUID | None, now: datetime) -> CreditLimit:
    return CreditLimit(
        kind=fact.kind,
        bank=fact.bank,
        value=fact.value,
        valid_from=fact.valid_from,
        valid_to=fact.valid_to,
        source=fact.source[:SOURCE_LENGTH],
        author_id=author_id,
        created_at=now,
    )


# The quarter's shares -----------------------------------------------------------------------------------------------


def share_with(
    programme: Programme,
    load: Decimal | None,
    amount: Decimal,
    day: date,
    *,
    limits: Limits | None = None,
    besides: UUID | None = None,
) -> Share | None:
    """Return what a bank's share would be with `amount` roubles more at this ПДН; None where no limit concerns it.

    The rows of shares are locked until the caller's transaction ends, so of those who come together each sees the
    others. `besides` leaves out what an application counts for already; `limits` are the day's, where they were read.
    """
    if (limits or limits_on(day)).share_row(programme, load) is None:
        return None
    in_force = CreditLimit.objects.filter(withdrawn_at=None, valid_from__lte=day, valid_to__gte=day)
    list(in_force.select_for_update().filter(kind__in=SHARES.values()).order_by("pk"))
    row = limits_on(day).share_row(programme, load)
    return None if row is None else quarter_share(programme.bank, get_debt_tier(load), row, day, amount, besides)


def count_in_quarter(application: Application, quote: LoanQuote, now: datetime) -> None:
    """Count an agreed offer in the quarter it is agreed in. Raises LendingShareFull where there is no room.

    Offers of connected banks are of their own count, and leasing of none.
    """
    day = dealer_day(now)
    application.counted_in, application.debt_load_percent = None, compute_debt_load(application, quote)
    if application.programme.is_connected or application.financing_type == "leasing":
        return
    share = share_with(
        application.programme, application.debt_load_percent, quote.amount_financed, day, besides=application.pk
    )
    if share is not None and not share.is_kept:
        raise LendingShareFull(share=str(share.percent), limit=f"{share.limit.normalize():f}")
    application.counted_in = get_quarter_start(day)
