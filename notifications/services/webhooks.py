"""Webhooks: receivers registered, changed and removed by admins, and the facts queued for them."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core import context
from core.db import Expected, on_commit, require_version, transaction
from core.errors import InvalidInput
from core.events import REGISTRY
from core.ids import uuid7
from core.outside.open_internet import UrlRefused
from gateway.guards import breakers
from messaging.delivery.deliveries import Delivery
from messaging.publishing.envelope import CloudEvent, is_public, of_delivery, published_at, to_cloudevent
from notifications.errors import WebhookDeliveryNotFound, WebhookIsDisabled, WebhookNotFound
from notifications.models import (
    TEST_EVENT,
    DisabledReason,
    EndpointState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifications.providers.webhooks import check_url
from notifications.queries.webhooks import get_breaker_name
from notifications.services.sending import wake

MAX_BODY_BYTES = 20_000
SECRET_BYTES = 32
CLOCK_GRACE = timedelta(seconds=1)


class WebhookFields(TypedDict, total=False):
    """Fields that an admin may write on a webhook."""

    url: str
    events: list[str]
    description: str
    state: str


def register_webhook(*, owner_id: UUID, fields: WebhookFields, now: datetime) -> WebhookEndpoint:
    """Register a receiver with a secret of its own. Raises InvalidInput for its address or an unknown event."""
    _check(fields)
    with transaction("notifications"):
        endpoint = WebhookEndpoint(
            owner_id=owner_id,
            url=fields["url"],
            events=_tidy(fields["events"]),
            description=fields.get("description", ""),
            secret=_new_secret(),
            created_at=now,
            updated_at=now,
        )
        _set_state(endpoint, fields.get("state", EndpointState.ENABLED))
        endpoint.save(force_insert=True)
    return endpoint


def change_webhook(
    *, webhook_id: UUID, changes: WebhookFields, now: datetime, expected_version: Expected = None
) -> WebhookEndpoint:
    """Change a receiver; its breaker closes, and switched on again it starts with a clean record and gets what waited.

    Raises WebhookNotFound, InvalidInput, StaleVersion.
    """
    _check(changes)
    with transaction("notifications"):
        endpoint = _lock(webhook_id, expected_version)
        for name in ("url", "description"):
            setattr(endpoint, name, changes.get(name, getattr(endpoint, name)))
        endpoint.events = _tidy(changes.get("events", endpoint.events))
        _set_state(endpoint, changes.get("state", endpoint.state))
        endpoint.touch(now=now)
        endpoint.save()
        on_commit("notifications", lambda: breakers.drop(get_breaker_name(webhook_id)))
        wake()
    return endpoint


def remove_webhook(*, webhook_id: UUID, expected_version: Expected = None) -> None:
    """Remove a receiver with everything sent to it. Raises WebhookNotFound, StaleVersion."""
    with transaction("notifications"):
        endpoint = _lock(webhook_id, expected_version)
        WebhookAttempt.objects.filter(delivery__endpoint=endpoint).delete()
        WebhookDelivery.objects.filter(endpoint=endpoint).delete()
        endpoint.delete()
        on_commit("notifications", lambda: breakers.drop(get_breaker_name(webhook_id)))


def rotate_secret(*, webhook_id: UUID, now: datetime) -> WebhookEndpoint:
    """Give a receiver a new secret; for a day both sign. Raises WebhookNotFound."""
    with transaction("notifications"):
        endpoint = _lock(webhook_id)
        endpoint.rotate(_new_secret(), now=now)
        endpoint.touch(now=now)
        endpoint.save()
    return endpoint


def send_test(*, webhook_id: UUID, now: datetime) -> WebhookDelivery:
    """Queue a message that means nothing; it is tried once. Raises WebhookNotFound, WebhookIsDisabled."""
    with transaction("notifications"):
        endpoint = _lock(webhook_id)
        if not endpoint.is_enabled:
            raise WebhookIsDisabled
        envelope = to_cloudevent(
            source="notifications",
            event_id=uuid7(),
            type=TEST_EVENT,
            version=1,
            subject=str(endpoint.id),
            seq=0,
            data={"webhook_id": str(endpoint.id)},
            headers=context.current(),
            created_at=now,
        )
        delivery = _delivery(endpoint, envelope, build_body(envelope), now)
        delivery.save(force_insert=True)
        wake()
    return delivery


def redeliver(*, delivery_id: UUID, now: datetime) -> WebhookDelivery:
    """Send a fact again at once, under the same id, with a new schedule of retries.

    Raises WebhookDeliveryNotFound, WebhookIsDisabled.
    """
    with transaction("notifications"):
        delivery = (
            WebhookDelivery.objects.select_for_update(of=("self",))
            .select_related("endpoint")
            .filter(pk=delivery_id)
            .first()
        )
        if delivery is None:
            raise WebhookDeliveryNotFound
        if not delivery.endpoint.is_enabled:
            raise WebhookIsDisabled
        delivery.renew(now=now)
        delivery.save()
        wake()
    return delivery


def queue_deliveries(*, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Queue published facts for every receiver that wants them, in their order, each once.

    What was published before a receiver was registered is not for it.
    """
    with transaction("notifications"):
        endpoints = list(WebhookEndpoint.objects.filter(state=EndpointState.ENABLED).order_by("pk"))
        queued: list[WebhookDelivery] = []
        for delivery in deliveries if endpoints else ():
            since = published_at(delivery.event_id) + CLOCK_GRACE
            wanting = [one for one in endpoints if one.created_at <= since and one.wants(delivery.type)]
            if wanting:
                envelope = of_delivery(delivery)
                body = build_body(envelope)
                # A microsecond apart: the order of the queue is that of the facts.
                moment = now + timedelta(microseconds=len(queued))
                queued += [_delivery(endpoint, envelope, body, moment) for endpoint in wanting]
        WebhookDelivery.objects.bulk_create(queued, ignore_conflicts=True)
        if queued:
            wake()


def build_body(envelope: CloudEvent) -> bytes:
    """Return what is sent: the envelope as JSON. Of data too large, the plain values stay; `omitted` names the rest."""
    body = msgspec.json.encode(envelope)
    if len(body) <= MAX_BODY_BYTES:
        return body
    kept = {name: value for name, value in envelope.data.items() if _is_small(value)}
    omitted = ",".join(sorted(set(envelope.data) - set(kept)))
    return msgspec.json.encode(msgspec.to_builtins(envelope) | {"data": kept, "omitted": omitted})


def _is_small(value: Any) -> bool:
    return not isinstance(value, dict | list) and len(str(value)) <= 500


def _delivery(endpoint: WebhookEndpoint, envelope: CloudEvent, body: bytes, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint=endpoint,
        event_id=envelope.id,
        event_type=envelope.type,
        subject=envelope.subject,
        body=body,
        next_attempt_at=now,
        created_at=now,
    )


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _tidy(events: Sequence[str]) -> list[str]:
    return sorted(set(events))


def _set_state(endpoint: WebhookEndpoint, state: str) -> None:
    if state == endpoint.state:
        return
    if state == EndpointState.ENABLED:
        endpoint.enable()
    else:
        endpoint.disable(DisabledReason.BY_HAND)


def _check(fields: WebhookFields) -> None:
    if "url" in fields:
        try:
            check_url(fields["url"])
        except UrlRefused as error:
            raise InvalidInput("url", "invalid", str(error)) from error
    for pattern in fields.get("events", ()):
        if not _is_known(pattern):
            raise InvalidInput("events", "unknown_event", _("No event is called %(pattern)r.") % {"pattern": pattern})


def _is_known(pattern: str) -> bool:
    """Tell whether a pattern names at least one event that integrators are promised."""
    public = [name for name in REGISTRY if is_public(name)]
    if pattern.endswith(".*"):
        return any(name.startswith(pattern[:-1]) for name in public)
    return pattern == "*" or pattern in public


def _lock(webhook_id: UUID, expected_version: Expected = None) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=webhook_id).first()
    if endpoint is None:
        raise WebhookNotFound
    require_version(endpoint.version, expected_version)
    return endpoint
