"""Consents: what a client agreed to, when and how; a withdrawal is a new row, never a change."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clients.errors import ClientNotFound
from clients.events import ConsentRecorded
from clients.models import Client, Consent, ConsentDoor, ConsentKind, ConsentProof, ConsentSource
from clients.services.finding import lock_client, lock_holder
from core.db import transaction
from core.errors import InvalidInput
from messaging.outbox import publish


def record_consent(
    *,
    client_id: UUID,
    kind: ConsentKind,
    is_given: bool,
    source: ConsentSource,
    at: datetime,
    actor_id: UUID | None,
    now: datetime,
    note: str = "",
) -> Consent:
    """Add to the history that a consent was given or withdrawn. Publishes ConsentRecorded.

    Raises ClientNotFound, InvalidInput for a moment that has not come.
    """
    if at > now:
        raise InvalidInput("at", "in_future", _("A consent cannot be given in the future."))
    with transaction("clients"):
        client = lock_holder(client_id)
        consent = Consent.objects.create(
            client=client,
            kind=kind,
            is_given=is_given,
            source=source,
            note=note,
            at=at,
            recorded_by=actor_id,
            recorded_at=now,
        )
        publish(ConsentRecorded(client_id=client.id, kind=kind, is_given=is_given, at=at, user_id=client.user_id))
    return consent


def record_user_consent(
    *, proof_id: UUID, user_id: UUID, door: str, text_version: str, language: str, address: str, at: datetime
) -> None:
    """Keep the proof of a user's consent to the processing of their data, and note it on their card; once by its id.

    A card that is hidden, or missing, is not noted on: the proof stands without it, and nothing that the user does next
    waits for the card. Publishes ConsentRecorded.
    """
    with transaction("clients"):
        proof = ConsentProof(
            id=proof_id,
            user_id=user_id,
            door=ConsentDoor(door),
            text_version=text_version,
            language=language,
            address=address,
            at=at,
        )
        if ConsentProof.objects.filter(pk=proof_id).exists():
            return
        proof.save(force_insert=True)
        card = Client.objects.filter(user_id=user_id).only("id").first()
        if card is None:
            return
        # An error within record_consent would undo the proof as well, so the card is tried first.
        with suppress(ClientNotFound):
            lock_client(card.id)
            record_consent(
                client_id=card.id,
                kind=ConsentKind.PERSONAL_DATA,
                is_given=True,
                source=ConsentSource.WEBSITE,
                at=at,
                actor_id=user_id,
                now=at,
            )


def record_lead_consent(
    *, lead_id: UUID, user_id: UUID | None, text_version: str, language: str, address: str, now: datetime
) -> ConsentProof:
    """Keep the proof that whoever asked agreed to the processing of what they left. Joins the lead's transaction."""
    with transaction("clients"):
        return ConsentProof.objects.create(
            user_id=user_id,
            lead_id=lead_id,
            door=ConsentDoor.LEAD,
            text_version=text_version,
            language=language,
            address=address,
            at=now,
        )
