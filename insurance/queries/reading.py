"""Read the tables of tariffs of a revision, and show what a premium came from."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from insurance.models import Policy, TariffRevision, TariffRow
from insurance.rules.pricing import Price, QuoteRequest
from insurance.rules.tariffs import FIRST_SHIPPED, SHIPPED, TariffTables


def read_current_tables() -> TariffTables:
    """Read the newest tables of tariffs."""
    return _newest(TariffRevision.objects.all())


def read_tables_at(moment: datetime) -> TariffTables:
    """Read the tables that were the newest at a moment."""
    return _newest(TariffRevision.objects.filter(created_at__lte=moment))


def _newest(revisions: "QuerySet[TariffRevision]") -> TariffTables:
    found = revisions.order_by("-number").values_list("number", "created_at").first()
    return SHIPPED if found is None else _read_tables(*found)


def read_tariff_tables(revision: int) -> TariffTables:
    """Read the tables of one revision. Raises LookupError."""
    if revision == FIRST_SHIPPED.revision:
        return FIRST_SHIPPED
    found = TariffRevision.objects.filter(pk=revision).values_list("number", "created_at").first()
    if found is not None:
        return _read_tables(*found)
    if revision == SHIPPED.revision:
        return SHIPPED
    raise LookupError(revision)


@lru_cache(maxsize=8)
def _read_tables(number: int, stamp: datetime) -> TariffTables:
    """A revision never changes, so its tables are read once; `stamp` tells it from that of another database."""
    known = TariffRow.objects.filter(added_in__lte=number).exclude(withdrawn_in__lte=number)
    return TariffTables(number, [row.fact for row in known.order_by("table", "insurer", "key", "valid_from")])


def get_order_moment(order_id: UUID, now: datetime) -> datetime:
    """Return the moment an order was placed: a UUIDv7 begins with the milliseconds of its making (RFC 9562, 5.7)."""
    made = datetime.fromtimestamp(((order_id.int >> 80) + 1) / 1000, UTC) if order_id.version == 7 else now
    return min(made, now)


def insured_request(policy: Policy) -> QuoteRequest:
    """Return what a policy insures now: the request as every change made so far left it."""
    last = policy.endorsements.filter(applied_at__isnull=False).order_by("-number").first()
    if last is None:
        return policy.quote.offer(policy.variant).request
    return msgspec.convert(last.request, QuoteRequest, strict=False)


def breakdown(rated: Price) -> list[dict[str, Any]]:
    """The factors as shown, in the order in which they multiply to the premium."""
    return [{"code": item.code, "value": f"{item.value:f}", "source": item.source} for item in rated.breakdown]
