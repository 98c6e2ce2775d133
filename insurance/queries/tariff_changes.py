"""Read which rows of tariffs count on a day, and what others would change of them before anything is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet

from insurance.models import TariffRow
from insurance.rules.rating.rows import TariffFact
from insurance.rules.tariffs import SHIPPED


def in_force_on(rows: "QuerySet[TariffRow]", day: date) -> "QuerySet[TariffRow]":
    """Leave the rows that count on a day: not withdrawn, of its span, and the newest of their place."""
    span = Q(valid_from__lte=day) & (Q(valid_to__isnull=True) | Q(valid_to__gte=day)) & Q(withdrawn_in__isnull=True)
    same = {name: OuterRef(name) for name in ("insurer", "table", "key")}
    newer = TariffRow.objects.filter(span, **same, valid_from__gt=OuterRef("valid_from"))
    return rows.filter(span).exclude(Exists(newer))


@dataclass(frozen=True)
class TariffChanges:
    """Rows that are new, rows that replace another (old, new), and how many say what is said already."""

    added: Sequence[TariffFact]
    replaced: Sequence[tuple[TariffFact, TariffFact]]
    unchanged: int

    @property
    def fresh(self) -> list[TariffFact]:
        """Every row that says something new."""
        return [*self.added, *(new for _, new in self.replaced)]


def compare_rows(facts: Iterable[TariffFact]) -> TariffChanges:
    """Compare rows with the newest ones of the same insurer, table, key and first day."""
    stored = [row.fact for row in TariffRow.objects.filter(withdrawn_in__isnull=True)]
    known = {fact.place: fact for fact in stored or SHIPPED.facts}
    added: list[TariffFact] = []
    replaced: list[tuple[TariffFact, TariffFact]] = []
    fresh = {fact.place: replace(fact, source=fact.source[:300]) for fact in facts}
    for place, fact in fresh.items():
        old = known.get(place)
        if old is None:
            added.append(fact)
        elif old != fact:
            replaced.append((old, fact))
    return TariffChanges(added, replaced, len(fresh) - len(added) - len(replaced))
