"""Declare what apps with actions for a second person tell, and what every app is told of cards and people."""

from decimal import Decimal
from uuid import UUID

from core.events import Command, Event


class ApprovalNews(Event, frozen=True, kw_only=True):
    """An action began to wait for a second person, or its waiting ended: `state` says how.

    `amount` in major units of the currency is None where nobody can say what is given away. `person_id` is who asked
    while it waits, then who decided; None where that was the system or time.
    """

    approval_id: UUID
    kind: str
    subject_type: str
    subject_id: UUID
    number: str
    amount: Decimal | None
    currency: str
    state: str
    person_id: UUID | None
    reason: str = ""


class KnowCard(Command, frozen=True, kw_only=True):
    """Know whose client card it is (None: nobody's any more): nobody acts as staff on what is theirs by their card."""

    card_id: UUID
    user_id: UUID | None


class JoinCards(Command, frozen=True, kw_only=True):
    """Know that two cards are one client: whose either is, the other is too."""

    card_id: UUID
    other_id: UUID


class KnowCompany(Command, frozen=True, kw_only=True):
    """Know by which requisites papers name the client of a card, or that it is no company (any more).

    A lower `version_number` is older news.
    """

    client_id: UUID
    user_id: UUID | None
    is_company: bool
    version_number: int
    name: str = ""
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    address: str = ""


class KnowPerson(Command, frozen=True, kw_only=True):
    """Know how staff call and reach a person: an account, or a client card (`is_card`).

    A lower `version_number` is older news.
    """

    person_id: UUID
    name: str
    phone: str
    email: str
    version_number: int
    is_card: bool = False
