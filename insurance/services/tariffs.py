"""Tariffs: writing the next revision."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from insurance.models import TariffRevision, TariffRow
from insurance.queries.tariff_changes import compare_rows
from insurance.rules.rating.rows import TariffFact, build_osago, read_value
from insurance.rules.tariffs import SHIPPED

SHIPPED_NOTE = "What the product ships with"


def import_tariff(
    *, facts: Sequence[TariffFact], note: str, now: datetime, author_id: UUID | None = None
) -> TariffRevision:
    """Write the next revision: rows of the same insurer, table, key and first day are replaced, the others stay.

    The first import puts what the product ships with before itself. Raises InvalidInput for rows that say nothing new
    or cannot be read.
    """
    _check(facts)
    with transaction("insurance"):
        last = TariffRevision.objects.select_for_update().order_by("-number").first()
        if last is None:
            last = _write(SHIPPED.revision, SHIPPED.facts, [], SHIPPED_NOTE, None, now)
        changes = compare_rows(facts)
        if not changes.fresh:
            raise InvalidInput("rows", "unchanged", _("These rows are in force already."))
        known = {row.fact.place: row for row in TariffRow.objects.filter(withdrawn_in__isnull=True)}
        old = [known[fact.place] for fact, _new in changes.replaced]
        return _write(last.number + 1, changes.fresh, old, note, author_id, now)


def ship_tariffs(*, now: datetime) -> TariffRevision | None:
    """Put what the product ships with into the tables, where it can be looked at; once."""
    with transaction("insurance"):
        if TariffRevision.objects.exists():
            return None
        return _write(SHIPPED.revision, SHIPPED.facts, [], SHIPPED_NOTE, None, now)


def _check(facts: Sequence[TariffFact]) -> None:
    for number, fact in enumerate(facts, 1):
        try:
            read_value(fact.table, fact.value)
        except ValueError as error:
            raise InvalidInput(f"rows.{number}", "invalid", _("This is no row of a tariff.")) from error
        if fact.valid_to is not None and fact.valid_to < fact.valid_from:
            raise InvalidInput(f"rows.{number}", "invalid", _("The last day is before the first."))
    build_osago(facts)


def _write(
    number: int,
    facts: Iterable[TariffFact],
    old: Sequence[TariffRow],
    note: str,
    author_id: UUID | None,
    now: datetime,
) -> TariffRevision:
    facts = list(facts)
    revision = TariffRevision.objects.create(
        number=number, note=note[:300], author_id=author_id, added=len(facts), withdrawn=len(old), created_at=now
    )
    TariffRow.objects.filter(pk__in=[row.pk for row in old]).update(withdrawn_in=revision)
    TariffRow.objects.bulk_create(
        TariffRow(
            insurer=fact.insurer,
            table=fact.table,
            key=fact.key,
            value=fact.value,
            valid_from=fact.valid_from,
            valid_to=fact.valid_to,
            source=fact.source[:300],
            is_secondary=fact.is_secondary,
            added_in=revision,
        )
        for fact in facts
    )
    return revision
