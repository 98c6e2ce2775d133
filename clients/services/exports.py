"""Lists of clients that go out: read in chunks, written down who took them, masked unless they may be in full."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from clients.models import Client, ClientExport, Consent, Contact, ContactKind
from core import context
from core.db import transaction
from core.secrecy.masking import mask_mailbox, mask_number

CHUNK = 500
COLUMNS = (
    "id", "type", "name", "phone", "other_phones", "email", "other_emails", "inn", "kpp", "ogrn", "industry",
    "description", "preferred_channel", "preferred_language", "personal_data_consent", "marketing_consent",
    "created_at",
)  # fmt: skip
"""Headers that imports understand: a list in full comes back as it went out."""
_CONSENTS = {"personal_data_consent": "personal_data", "marketing_consent": "marketing"}


def export_clients(
    *, clients: QuerySet[Client], actor: str, is_clear: bool, kind: str, filters: dict[str, Any], now: datetime
) -> Iterator[list[str]]:
    """The header and a row for each present client, by age; the taking is written down before the first row is read.

    `is_clear` is for those who may have everybody's phones, e-mails, notes and ИНН at once; others get them masked.
    """
    with transaction("clients"):
        taken = ClientExport.objects.create(
            actor=actor,
            format=kind,
            is_clear=is_clear,
            filters=filters,
            request_id=str(context.current().get("request_id", ""))[:128],
            at=now,
        )
    return _rows(taken, clients.filter(erased_at__isnull=True), is_clear=is_clear)


def _rows(taken: ClientExport, clients: QuerySet[Client], *, is_clear: bool) -> Iterator[list[str]]:
    yield [*COLUMNS]
    total, last = 0, None
    ordered = clients.order_by("id")
    while chunk := list(ordered.filter(id__gt=last)[:CHUNK] if last else ordered[:CHUNK]):
        contacts, consents = _beside(chunk)
        for client in chunk:
            yield list(_values(client, contacts, consents, is_clear=is_clear))
        total, last = total + len(chunk), chunk[-1].pk
    ClientExport.objects.filter(pk=taken.pk).update(rows=total)


def _values(
    client: Client, contacts: dict[UUID, dict[str, list[str]]], consents: dict[UUID, dict[str, bool]], *, is_clear: bool
) -> Iterator[Any]:
    others = contacts.get(client.pk, {})
    given = consents.get(client.pk, {})
    for name in COLUMNS:
        if name in _CONSENTS:
            yield {True: "yes", False: "no", None: ""}[given.get(_CONSENTS[name])]
        elif name == "created_at":
            yield client.created_at.isoformat()
        else:
            told = others.get(name, []) if name in ("other_phones", "other_emails") else [str(getattr(client, name))]
            yield "; ".join(told if is_clear else (_masked(name, text) for text in told))


def _beside(chunk: list[Client]) -> tuple[dict[UUID, dict[str, list[str]]], dict[UUID, dict[str, bool]]]:
    """Further phones and e-mails, and the consents that count, of some cards and of those merged into them."""
    roots = {client.pk for client in chunk}
    cards = Client.objects.filter(pk__in=roots) | Client.objects.filter(merged_into__in=roots)
    root_of = {own: root or own for own, root in cards.values_list("pk", "merged_into_id")}
    contacts: dict[UUID, dict[str, list[str]]] = {}
    columns = {ContactKind.PHONE: "other_phones", ContactKind.EMAIL: "other_emails"}
    rows = Contact.objects.filter(client__in=root_of, kind__in=columns).order_by("created_at", "id")
    for own, kind, value in rows.values_list("client_id", "kind", "value"):
        contacts.setdefault(root_of[own], {}).setdefault(columns[ContactKind(kind)], []).append(value)
    consents: dict[UUID, dict[str, bool]] = {}
    told = Consent.objects.filter(client__in=root_of, kind__in=_CONSENTS.values()).order_by("at", "id")
    for own, kind, is_given in told.values_list("client_id", "kind", "is_given"):
        consents.setdefault(root_of[own], {})[kind] = is_given
    return contacts, consents


def _masked(name: str, text: str) -> str:
    """Enough to know somebody again, too little to take them along."""
    if not text or name in ("id", "type", "name", "industry", "preferred_channel", "preferred_language"):
        return text
    if name == "description":
        return ""
    if name in ("email", "other_emails"):
        return mask_mailbox(text)
    return mask_number(text)
