"""Consents: what a client agreed to, when and how; a withdrawal is a new row, never a change."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clients.events import ConsentRecorded
from clients.models import Consent, ConsentKind, ConsentSource
from clients.services.finding import lock_client
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
        client = lock_client(client_id)
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
