"""Copies of who sells and of companies that buy, kept by their events; older news never overwrites newer."""

from collections.abc import Sequence

import msgspec

from core.approvals import KnowCompany
from core.db import transaction
from orders.models import CompanyCopy, LegalEntityCopy
from payments.events import LegalEntityChanged

_NOT_FACTS = frozenset({"entity_id", "regimes", "is_default", "is_deleted", "version_number"})


def copy_legal_entities(*, events: Sequence[LegalEntityChanged]) -> None:
    """Copy the newest state of each legal entity of the dealer."""
    with transaction("orders"):
        for event in sorted(events, key=lambda item: (item.entity_id, item.version_number)):
            if LegalEntityCopy.objects.filter(entity_id=event.entity_id, version__gt=event.version_number).exists():
                continue
            told = msgspec.to_builtins(event)
            LegalEntityCopy.objects.update_or_create(
                entity_id=event.entity_id,
                defaults={
                    "facts": {name: value for name, value in told.items() if name not in _NOT_FACTS},
                    "regimes": told["regimes"],
                    "is_default": event.is_default,
                    "is_deleted": event.is_deleted,
                    "version": event.version_number,
                },
            )


def know_company(*, command: KnowCompany) -> None:
    """Keep what a company's papers name it by, and nothing of a person."""
    with transaction("orders"):
        known = CompanyCopy.objects.filter(client_id=command.client_id)
        if not command.is_company:
            known.filter(version__lte=command.version_number).delete()
        elif not known.filter(version__gt=command.version_number).exists():
            told = {name: getattr(command, name) for name in ("user_id", "name", "inn", "kpp", "ogrn", "address")}
            CompanyCopy.objects.update_or_create(
                client_id=command.client_id, defaults=told | {"version": command.version_number}
            )
