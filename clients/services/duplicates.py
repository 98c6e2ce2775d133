"""Duplicates: which cards share a phone, an e-mail or an ИНН, kept up by every write that changes one of them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from clients.errors import DuplicateNotFound
from clients.models import Client, ClientKey, ContactKind, Duplicate, KeyKind
from clients.rules.identifiers import normal_email, normal_phone
from core.db import lock, transaction

HOLDERS = 200
"""Cards looked at for one key: a phone that thousands share is somebody's mistake, not a client's."""
Key = tuple[str, str]
PHONES = frozenset({ContactKind.PHONE, ContactKind.WHATSAPP})


def recognise(client: Client, *, now: datetime) -> None:
    """Write the keys of a saved card anew, and pair it with whoever has one of them. Joins the open transaction."""
    wanted = _collect_keys(client)
    had = set(ClientKey.objects.filter(client=client).values_list("kind", "key"))
    if wanted == had:
        return
    lock_keys(wanted | had)
    for kind, key in had - wanted:
        ClientKey.objects.filter(client=client, kind=kind, key=key).delete()
    ClientKey.objects.bulk_create(
        [ClientKey(client=client, kind=kind, key=key) for kind, key in sorted(wanted - had)], ignore_conflicts=True
    )
    _pair({client.root_id}, wanted | had, now)


def pair_again(roots: Iterable[UUID], *, now: datetime) -> None:
    """Find the duplicates of some cards anew after a merge, an undo or a deletion. Joins the open transaction."""
    wanted = set(roots)
    keys = {key for held in _keys_of_roots(wanted).values() for key in held}
    lock_keys(keys)
    _pair(wanted, keys, now)


def dismiss_duplicate(*, duplicate_id: UUID, actor_id: UUID | None, now: datetime) -> Duplicate:
    """Say that two cards are two clients: the pair is shown no more. Raises DuplicateNotFound."""
    with transaction("clients"):
        pair = Duplicate.objects.select_for_update().filter(pk=duplicate_id).first()
        if pair is None:
            raise DuplicateNotFound
        if pair.dismissed_at is None:
            pair.dismissed_at, pair.dismissed_by = now, actor_id
            pair.save()
    return pair


def find_holders(keys: Iterable[Key]) -> list[Client]:
    """Present cards that have any of the keys, oldest first; a merged one answers as the card it belongs to."""
    roots: set[UUID] = set()
    for kind, key in keys:
        held = ClientKey.objects.filter(kind=kind, key=key).values_list("client_id", "client__merged_into_id")
        roots |= {root or own for own, root in held.order_by("client_id")[:HOLDERS]}
    return list(Client.objects.present().filter(id__in=roots).order_by("id")) if roots else []


def keys_in(*, phone: str = "", email: str = "", inn: str = "") -> set[Key]:
    """The keys that some fields make."""
    found = {
        (KeyKind.PHONE.value, normal_phone(phone) if phone else ""),
        (KeyKind.EMAIL.value, normal_email(email)),
        (KeyKind.INN.value, inn),
    }
    return {(kind, key) for kind, key in found if key}


def _collect_keys(client: Client) -> set[Key]:
    if client.erased_at is not None:
        return set()
    found = keys_in(phone=client.phone, email=client.email, inn=client.inn)
    for kind, value in client.contacts.values_list("kind", "value"):
        if kind in PHONES:
            found |= keys_in(phone=value)
        elif kind == ContactKind.EMAIL:
            found |= keys_in(email=value)
    return found


def lock_keys(keys: set[Key]) -> None:
    """Two cards with one phone opened at the same moment wait for each other, and so the second sees the first."""
    lock("clients", *(f"{kind} {key}" for kind, key in keys))


def _pair(roots: set[UUID], keys: set[Key], now: datetime) -> None:
    """Forget the open pairs of `roots`, and pair the oldest holder of each key with the others."""
    for side in ("first", "second"):
        Duplicate.objects.filter(**{f"{side}__in": roots}, dismissed_at__isnull=True).delete()
    pairs: set[tuple[UUID, UUID]] = set()
    for key in keys:
        holders = [client.id for client in find_holders([key])]
        pairs |= {(holders[0], other) for other in holders[1:]}
    held = _keys_of_roots({root for pair in pairs for root in pair})
    rows = [
        Duplicate(first_id=first, second_id=second, reasons=_shared(held, first, second), found_at=now)
        for first, second in sorted(pairs)
    ]
    Duplicate.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["first", "second"], update_fields=["reasons"]
    )


def _shared(held: dict[UUID, set[Key]], first: UUID, second: UUID) -> list[str]:
    return sorted({kind for kind, _ in held.get(first, set()) & held.get(second, set())})


def _keys_of_roots(roots: set[UUID]) -> dict[UUID, set[Key]]:
    found: dict[UUID, set[Key]] = {}
    rows = ClientKey.objects.none()
    if roots:
        rows = ClientKey.objects.filter(client__in=roots) | ClientKey.objects.filter(client__merged_into__in=roots)
    for own, root, kind, key in rows.values_list("client_id", "client__merged_into_id", "kind", "key"):
        found.setdefault(root or own, set()).add((kind, key))
    return found
