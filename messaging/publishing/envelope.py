"""The envelope that events wear outside: CloudEvents 1.0 in JSON, with the names of the public contract."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from core.events import REGISTRY
from messaging.delivery.deliveries import Delivery

SPEC_VERSION = "1.0"
DATA_SCHEMA = "urn:autosalon:event:{type}:v{version}"


class CloudEvent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An event as integrators see it. Extension names are lower-case letters and digits, as the specification asks.

    `sequence` counts within the subject and sorts as text; `feedposition` counts over the whole source.
    """

    specversion: str
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    dataschema: str
    sequence: str
    partitionkey: str
    data: dict[str, Any]
    feedposition: int | None = None
    requestid: str = ""
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""


def to_cloudevent(
    *,
    source: str,
    event_id: UUID,
    type: str,
    version: int,
    subject: str,
    seq: int,
    data: dict[str, Any],
    headers: dict[str, Any],
    created_at: datetime,
    position: int | None = None,
) -> CloudEvent:
    """Dress one outbox row; `source` is the alias it was published in."""
    return CloudEvent(
        specversion=SPEC_VERSION,
        id=event_id,
        source=f"/autosalon/{source}",
        type=type,
        subject=subject,
        time=created_at,
        datacontenttype="application/json",
        dataschema=DATA_SCHEMA.format(type=type, version=version),
        sequence=f"{seq:020d}",
        partitionkey=subject,
        data=data,
        feedposition=position,
        requestid=headers.get("request_id", ""),
        correlationid=headers.get("correlation_id", ""),
        causationid=headers.get("causation_id", ""),
        traceparent=headers.get("traceparent", ""),
    )


def of_delivery(delivery: Delivery) -> CloudEvent:
    """Dress what a handler was given; the moment of publishing is the one its UUIDv7 holds, to the millisecond."""
    headers = delivery.headers
    return to_cloudevent(
        source=delivery.source,
        event_id=delivery.event_id,
        type=delivery.type,
        version=delivery.version,
        subject=delivery.aggregate_id,
        seq=delivery.seq,
        data=msgspec.json.decode(delivery.data),
        headers=msgspec.json.decode(headers) if isinstance(headers, str) else headers,
        created_at=published_at(delivery.event_id),
    )


def published_at(event_id: UUID) -> datetime:
    """Return when an event was published, from its id."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=event_id.int >> 80)


def is_public(event_type: str) -> bool:
    """Tell whether integrators are promised this event; steps of a saga and unknown types stay inside."""
    event = REGISTRY.get(event_type)
    return event is not None and not event.internal
