"""Leads: opened, answered, moved through the pipeline, and in the end a client or lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.public import require_colleague
from clients.errors import LeadNotFound
from clients.events import LeadChanged, LeadOpened
from clients.models import OPEN_STAGES, Client, ClientType, Lead, LeadStage
from clients.queries import find_holder
from clients.rules.identifiers import normal_email, normal_phone
from clients.services.cards import ClientFields, open_client
from clients.services.duplicates import find_holders, keys_in, lock_keys
from core.db import Expected, require_version, transaction
from core.errors import InvalidInput
from messaging.outbox import publish

MOST_ALIKE = 10
"""Cards and enquiries that are shown as perhaps the same."""


class LeadFields(TypedDict, total=False):
    """Fields that a manager writes of a lead; `client_id` only when it is opened."""

    name: str
    phone: str
    email: str
    source: str
    note: str
    owner_id: UUID | None
    next_action: str
    next_action_at: datetime | None
    client_id: UUID | None


@dataclass(frozen=True)
class Alike:
    """Cards and open enquiries that have a phone or an e-mail in common with a new one."""

    cards: list[Client]
    leads: list[Lead]

    def __bool__(self) -> bool:
        return bool(self.cards or self.leads)


def find_alike(*, phone: str, email: str) -> Alike:
    """Find whose phone or e-mail these are, before a second record is made of one person. Raises InvalidInput."""
    wanted = _normal({"phone": phone, "email": email})
    same = Q()
    for name, value in wanted.items():
        same |= Q(**{name: value}) if value else Q()
    if not same:
        return Alike([], [])
    leads = Lead.objects.filter(same, stage__in=OPEN_STAGES).order_by("-id")[:MOST_ALIKE]
    return Alike(find_holders(sorted(keys_in(**wanted)))[:MOST_ALIKE], list(leads))


def open_lead(*, fields: LeadFields, now: datetime) -> Lead:
    """Take an enquiry down; its first reply is due within LEAD_REPLY_MINUTES. Publishes LeadOpened.

    Raises ClientNotFound, and InvalidInput for a phone that is none, when there is no way to answer, or for an owner
    who does not work here.
    """
    _check_owner(fields)
    due = now + timedelta(minutes=settings.LEAD_REPLY_MINUTES)
    lead = Lead(**_normal(fields), reply_due_at=due, due_at=due, created_at=now, updated_at=now)
    _check(lead)
    with transaction("clients"):
        if lead.client_id is not None:
            lead.client_id = find_holder(lead.client_id).id
        lead.save(force_insert=True)
        publish(
            LeadOpened(
                lead_id=lead.id,
                source=lead.source,
                reply_due_at=due,
                owner_id=lead.owner_id,
                client_id=lead.client_id,
            )
        )
    return lead


def update_lead(*, lead_id: UUID, changes: LeadFields, now: datetime, expected_version: Expected = None) -> Lead:
    """Change what is known of a lead, whose it is, what is next; a change of nothing publishes nothing.

    Publishes LeadChanged. Raises InvalidInput, LeadNotFound, StaleVersion.
    """
    wanted = _normal(changes)
    _check_owner(changes)
    with transaction("clients"):
        lead = _lock(lead_id, expected_version)
        if lead.change(wanted, now=now):
            _check(lead)
            _save(lead)
    return lead


def reply_to_lead(*, lead_id: UUID, actor_id: UUID, now: datetime, expected_version: Expected = None) -> Lead:
    """Note that a lead was answered; the first time stops the clock and publishes LeadChanged.

    Raises LeadNotFound, StaleVersion, WrongTransition.
    """
    with transaction("clients"):
        lead = _lock(lead_id, expected_version)
        stage = lead.stage
        if lead.reply(by=actor_id, now=now):
            _save(lead, previous=stage)
    return lead


def move_lead(
    *,
    lead_id: UUID,
    stage: str,
    now: datetime,
    lost_reason: str = "",
    client_id: UUID | None = None,
    expected_version: Expected = None,
) -> Lead:
    """Put a lead into its next stage; a lost one needs its reason. Publishes LeadChanged.

    A won lead becomes the client given, its own, the one with its phone or e-mail, or else a new one (then publishes
    ClientCreated too). Raises ClientNotFound, InvalidInput, LeadNotFound, StaleVersion, WrongTransition.
    """
    if (stage == LeadStage.LOST) != bool(lost_reason):
        raise InvalidInput("lost_reason", "invalid", _("A lost lead, and no other, has a reason."))
    if client_id is not None and stage != LeadStage.WON:
        raise InvalidInput("client_id", "invalid", _("Only a won lead becomes a client."))
    with transaction("clients"):
        lead = _lock(lead_id, expected_version)
        previous, is_won = lead.stage, stage == LeadStage.WON and stage in lead.allowed
        lead.move_to(stage, now=now, reason=lost_reason, client=_client_for(lead, client_id, now) if is_won else None)
        _save(lead, previous=previous)
    return lead


def forget_leads(cards: list[Client], *, now: datetime) -> None:
    """Blank the leads of erased people: their cards' and those with their phone or e-mail. Joins the transaction."""
    theirs = Q(client__in=cards)
    for card in cards:
        if card.phone:
            theirs |= Q(phone=card.phone, client__isnull=True)
        if card.email:
            theirs |= Q(email=normal_email(card.email), client__isnull=True)
    for lead in Lead.objects.select_for_update(no_key=True).filter(theirs).order_by("pk"):
        stage = lead.stage
        lead.forget(now=now)
        _save(lead, previous=stage if stage != lead.stage else "")


def _client_for(lead: Lead, client_id: UUID | None, now: datetime) -> Client:
    known = client_id or lead.client_id
    if known is not None:
        return find_holder(known)
    keys = keys_in(phone=lead.phone, email=lead.email)
    lock_keys(keys)
    holders = find_holders(sorted(keys))
    if holders:
        return holders[0]
    fields = ClientFields(name=lead.name, type=ClientType.PERSON, phone=lead.phone, email=lead.email)
    return open_client(fields=fields, now=now)


def _save(lead: Lead, *, previous: str = "") -> None:
    """Write a lead and tell of it; `previous` is the stage it left."""
    lead.save()
    publish(
        LeadChanged(
            lead_id=lead.id,
            stage=str(LeadStage(lead.stage).value),
            owner_id=lead.owner_id,
            client_id=lead.client_id,
            source=lead.source,
            previous=str(LeadStage(previous).value) if previous else "",
        )
    )


def _lock(lead_id: UUID, expected_version: Expected) -> Lead:
    lead = Lead.objects.select_for_update(no_key=True).filter(pk=lead_id).first()
    if lead is None:
        raise LeadNotFound
    require_version(lead.version, expected_version)
    return lead


def _normal(fields: LeadFields) -> dict[str, Any]:
    """The fields as a lead keeps them. Raises InvalidInput for a phone that is none."""
    wanted: dict[str, Any] = dict(fields)
    if wanted.get("phone"):
        wanted["phone"] = normal_phone(wanted["phone"])
        if not wanted["phone"]:
            raise InvalidInput("phone", "invalid", _("Enter a phone number, such as +7 495 123-45-67."))
    if "email" in wanted:
        wanted["email"] = normal_email(wanted["email"])
    return wanted


def _check_owner(fields: LeadFields) -> None:
    owner_id = fields.get("owner_id")
    if owner_id is not None:
        require_colleague(owner_id, "owner_id")


def _check(lead: Lead) -> None:
    """Somebody must be able to answer, and a moment is the moment of something. Raises InvalidInput."""
    if not lead.phone and not lead.email:
        raise InvalidInput("phone", "required", _("Give a phone number or an e-mail address."))
    if lead.next_action_at is not None and not lead.next_action:
        raise InvalidInput("next_action", "required", _("Say what is to be done then."))
