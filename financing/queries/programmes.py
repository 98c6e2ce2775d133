"""Read the programmes on offer on a day."""

from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from financing.errors import UnknownProgramme
from financing.models import Programme
from financing.rules.bank_rules import BankRules


def programmes_on(day: date) -> QuerySet[Programme]:
    """Programmes that are on offer on a day."""
    is_current = Q(valid_to__isnull=True) | Q(valid_to__gte=day)
    return Programme.objects.filter(is_current, valid_from__lte=day)


def rules_on_offer(programme_id: UUID, day: date) -> BankRules:
    """Return the rules of a programme on offer on a day. Raises UnknownProgramme."""
    programme = programmes_on(day).filter(pk=programme_id).first()
    if programme is None:
        raise UnknownProgramme
    return programme.bank_rules


def candidates(financing_type: str, day: date, programme_id: UUID | None) -> list[Programme]:
    """Programmes an application may be decided by: the one named, or all of the kind, the cheapest first."""
    offered = programmes_on(day).filter(financing_type=financing_type).prefetch_related("rates")
    if programme_id is not None:
        offered = offered.filter(pk=programme_id)
    return list(offered.order_by("base_rate", "pk"))
