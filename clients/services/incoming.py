"""Writing rows of a list: each finds its card by phone, e-mail or ИНН, or opens one; locks first, one chunk at a time.

Nothing that a card says is lost: blanks are filled, a further phone or e-mail becomes a contact. Only when asked to do
values of the list replace those of the card, and then the first row of a card decides. So a second reading changes
nothing.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from clients.events import ClientCreated, ConsentRecorded, ContactAdded
from clients.models import Client, ClientKey, Consent, ConsentSource, Contact, ContactKind, KeyKind
from clients.queries import map_accounts
from clients.rules.importing.rows import Person
from clients.services.cards import publish_updated, requisites
from clients.services.duplicates import Key, keys_in, lock_keys, pair_again, recognise
from core.importing.problems import RowProblem
from messaging.outbox import publish

KEPT_BY_ACCOUNTS = frozenset({"name", "email", "phone"})
"""What the card of a registered user takes from the profile alone."""
MOST_HOLDERS = 20_000


class SeveralClients(Exception):
    """A row's phone, e-mail and ИНН are of different clients."""


class ChangedMeanwhile(Exception):
    """Somebody opened or merged a card between the looking and the locking: look again."""


class Seen:
    """The cards this reading has written, on disk; in a dry run also what it would have opened, by its keys."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("")
        self._store.execute("CREATE TABLE seen (what TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, *what: object) -> None:
        """Remember."""
        self._store.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(str(item),) for item in what])

    def has(self, *what: object) -> bool:
        """Tell whether any of these was seen."""
        marks = ",".join("?" * len(what))
        rows = self._store.execute(f"SELECT 1 FROM seen WHERE what IN ({marks}) LIMIT 1", [str(item) for item in what])
        return rows.fetchone() is not None


@dataclass
class Taken:
    """Counts of a chunk, in rows."""

    counts: dict[str, int] = field(default_factory=lambda: {"created": 0, "updated": 0, "unchanged": 0, "repeated": 0})
    refused: list[RowProblem] = field(default_factory=list)


@dataclass
class _Card:
    """A card under the hands of this chunk."""

    client: Client
    keys: set[Key]
    is_new: bool = False
    is_changed: bool = False
    contacts: list[Contact] = field(default_factory=list)


def take_people(
    people: list[Person], *, seen: Seen, overwrite: bool, now: datetime, actor_id: UUID | None, dry_run: bool = False
) -> Taken:
    """Write a chunk. Joins the open transaction. Raises ChangedMeanwhile, for the whole to be tried again.

    Publishes ClientCreated, ClientUpdated, ContactAdded and ConsentRecorded, as if managers had typed it in.
    """
    return _Chunk(people, seen, overwrite, now, actor_id, dry_run).take()


class _Chunk:
    def __init__(
        self,
        people: list[Person],
        seen: Seen,
        overwrite: bool,
        now: datetime,
        actor_id: UUID | None,
        dry_run: bool,
    ) -> None:
        self.people, self.seen, self.overwrite, self.now = people, seen, overwrite, now
        self.actor_id, self.dry_run = actor_id, dry_run
        self.keys = {person.row: _collect_keys(person) for person in people}
        self.holders: dict[Key, set[UUID]] = {}
        self.cards: dict[UUID, _Card] = {}
        self.done = Taken()
        self.consents: list[tuple[_Card, Person]] = []

    def take(self) -> Taken:
        """The rows in the order of the file."""
        self._lock()
        for person in self.people:
            self._take(person)
        if not self.dry_run:
            self._save()
        return self.done

    def _lock(self) -> None:
        """Cards, then keys, as every other writer does; what was found must still be so when all is locked."""
        wanted = set().union(*self.keys.values())
        found = _holders(wanted)
        roots = {root for held in found.values() for root in held}
        if not self.dry_run:
            cards = Client.objects.present().filter(pk__in=roots).select_for_update(no_key=True).order_by("pk")
            locked = {card.pk: card for card in cards}
            lock_keys(wanted)
            if {root for held in _holders(wanted).values() for root in held} != roots:
                raise ChangedMeanwhile
        else:
            locked = {card.pk: card for card in Client.objects.present().filter(pk__in=roots)}
        self.holders = {key: {root for root in held if root in locked} for key, held in found.items()}
        for root, card in locked.items():
            self.cards[root] = _Card(card, {key for key, held in self.holders.items() if root in held})

    def _take(self, person: Person) -> None:
        keys = self.keys[person.row]
        if self.dry_run and self.seen.has(*keys):
            self.seen.add(*keys)
            self.done.counts["repeated"] += 1
            return
        try:
            card = self._find(person, keys)
        except SeveralClients as error:
            self.done.refused.append(RowProblem(person.row, person.line, "", "several_clients", str(error)))
            return
        is_repeated = card is not None and self.seen.has(card.client.pk)
        if card is None:
            outcome, card = "created", self._open(person)
        else:
            outcome = "updated" if self._fill(card, person, is_repeated=is_repeated) else "unchanged"
        self.seen.add(card.client.pk, *(keys if self.dry_run and card.is_new else ()))
        if person.consents:
            self.consents.append((card, person))
        self.done.counts["repeated" if is_repeated else outcome] += 1

    def _find(self, person: Person, keys: set[Key]) -> _Card | None:
        """The card with all the keys of a row that any card has; None when no card has any. Raises SeveralClients."""
        held = [[self.cards[root] for root in self.holders.get(key, ())] for key in sorted(keys)]
        fitting = [{card.client.pk for card in cards if _may_be(card.client, person)} for cards in held]
        known = [roots for roots in fitting if roots]
        if not known:
            return None
        both = set.intersection(*known)
        if not both:
            said = ", ".join(str(root) for root in sorted(set().union(*known)))
            raise SeveralClients(f"Its phone, e-mail and INN are of different clients: {said}.")
        found = [self.cards[root].client for root in sorted(both)]
        namesake = [client for client in found if client.name.casefold() == person.fields["name"].casefold()]
        return self.cards[(namesake or found)[0].pk]

    def _open(self, person: Person) -> _Card:
        client = Client(**person.fields, created_at=self.now, updated_at=self.now)
        card = _Card(client, set(), is_new=True)
        self.cards[client.pk] = card
        self._know(card, keys_in(phone=client.phone, email=client.email, inn=client.inn))
        self._add_contacts(card, person)
        return card

    def _fill(self, card: _Card, person: Person, *, is_repeated: bool) -> bool:
        client = card.client
        follows = KEPT_BY_ACCOUNTS if client.user_id else frozenset()
        is_free = {
            name: not getattr(client, name) or (self.overwrite and not is_repeated and name not in follows)
            for name in person.fields
        }
        changes = {name: value for name, value in person.fields.items() if is_free[name]}
        is_changed = any(getattr(client, name) != value for name, value in changes.items())
        if is_changed:
            client.change(changes, now=self.now)
            card.is_changed = True
            self._know(card, keys_in(phone=client.phone, email=client.email, inn=client.inn))
        return self._add_contacts(card, person) or is_changed

    def _add_contacts(self, card: _Card, person: Person) -> bool:
        """Add what the row tells beyond the card's own phone and e-mail."""
        fields = person.fields
        told = [(ContactKind.PHONE, number) for number in (fields.get("phone", ""), *person.phones)]
        told += [(ContactKind.EMAIL, mail) for mail in (fields.get("email", ""), *person.emails)]
        fresh = [(kind, value) for kind, value in told if value and (kind.value, value) not in card.keys]
        for kind, value in fresh:
            card.contacts.append(Contact(client=card.client, kind=kind, value=value, created_at=self.now))
            self._know(card, {(kind.value, value)})
        return bool(fresh)

    def _know(self, card: _Card, keys: Iterable[Key]) -> None:
        for key in keys:
            card.keys.add(key)
            self.holders.setdefault(key, set()).add(card.client.pk)

    def _save(self) -> None:
        fresh = [card for card in self.cards.values() if card.is_new]
        Client.objects.bulk_create([card.client for card in fresh])
        for card in self.cards.values():
            if card.is_changed and not card.is_new:
                card.client.save()
        Contact.objects.bulk_create(contact for card in self.cards.values() for contact in card.contacts)
        ClientKey.objects.bulk_create(
            [ClientKey(client=card.client, kind=kind, key=key) for card in fresh for kind, key in sorted(card.keys)]
        )
        for card in self.cards.values():
            if not card.is_new and (card.is_changed or card.contacts):
                recognise(card.client, now=self.now)
        shared = {card.client.pk for card in fresh if any(len(self.holders[key]) > 1 for key in card.keys)}
        if shared:
            pair_again(shared, now=self.now)
        self._publish()
        self._record_consents()

    def _publish(self) -> None:
        changed = [card.client.root_id for card in self.cards.values() if card.is_changed and not card.is_new]
        accounts = map_accounts(changed) if changed else {}
        for card in self.cards.values():
            client = card.client
            if card.is_new:
                publish(ClientCreated(client_id=client.id, name=client.name, type=client.type, **requisites(client)))
            elif card.is_changed:
                publish_updated(client, accounts)
            for contact in card.contacts:
                publish(ContactAdded(client_id=client.id, contact_id=contact.id, kind=str(contact.kind)))

    def _record_consents(self) -> None:
        """A consent that says what counts already is not written again; the last row of a card decides."""
        wanted = {
            (card.client.pk, kind): is_given for card, one in self.consents for kind, is_given in one.consents.items()
        }
        known = _consents({root for root, _ in wanted})
        for (root, kind), is_given in wanted.items():
            if known.get((root, kind)) == is_given:
                continue
            client = self.cards[root].client
            Consent.objects.create(
                client=client,
                kind=kind,
                is_given=is_given,
                source=ConsentSource.IMPORT,
                at=self.now,
                recorded_by=self.actor_id,
                recorded_at=self.now,
            )
            publish(ConsentRecorded(client_id=root, kind=kind, is_given=is_given, at=self.now, user_id=client.user_id))


def _collect_keys(person: Person) -> set[Key]:
    phones = [person.fields.get("phone", ""), *person.phones]
    emails = [person.fields.get("email", ""), *person.emails]
    found = {(KeyKind.PHONE.value, phone) for phone in phones} | {(KeyKind.EMAIL.value, mail) for mail in emails}
    return {(kind, key) for kind, key in found | {(KeyKind.INN.value, person.fields.get("inn", ""))} if key}


def _may_be(client: Client, person: Person) -> bool:
    """A person is no organisation, and whoever has another ИНН is somebody else, whatever phone they share."""
    inn = person.fields.get("inn", "")
    return client.type == person.fields["type"] and (not inn or not client.inn or inn == client.inn)


def _holders(keys: set[Key]) -> dict[Key, set[UUID]]:
    """Find which cards have each of the keys; a merged one counts as the card it belongs to."""
    found: dict[Key, set[UUID]] = {}
    for kind in KeyKind.values:
        rows = ClientKey.objects.filter(kind=kind, key__in=[key for of, key in keys if of == kind])
        for key, own, root in rows.values_list("key", "client_id", "client__merged_into_id")[:MOST_HOLDERS]:
            found.setdefault((kind, key), set()).add(root or own)
    return found


def _consents(roots: set[UUID]) -> dict[tuple[UUID, str], bool]:
    """The latest word of some clients on each kind of consent."""
    rows = Consent.objects.filter(client__in=roots) | Consent.objects.filter(client__merged_into__in=roots)
    latest: dict[tuple[Any, str], bool] = {}
    told = rows.order_by("at", "id").values_list("client_id", "client__merged_into_id", "kind", "is_given")
    for own, root, kind, is_given in told:
        latest[root or own, kind] = is_given
    return latest
