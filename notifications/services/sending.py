"""The queue of webhooks: which delivery goes next to a receiver, and what came of it."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet

from core.db import on_commit, transaction
from gateway.guards import breakers
from messaging.delivery import wakeups
from messaging.outbox import publish
from notifications.events import WebhookDisabled
from notifications.models import (
    SLOTS,
    WAITING_STATES,
    DeliveryState,
    DisabledReason,
    EndpointState,
    Kind,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifications.providers.webhooks import Answer
from notifications.queries.webhooks import get_breaker_name
from notifications.services import counters
from notifications.services.news import notify

SEND_WEBHOOKS = "notifications.send_webhooks"
LEASE = timedelta(seconds=60)
"""Longer than any attempt; a worker that died holds its delivery up no longer than this."""

KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 1_000
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sending:
    """A claimed attempt: everything that sending needs, so that no row is read while the receiver is slow."""

    delivery_id: UUID
    endpoint_id: UUID
    number: int
    url: str
    message_id: str
    body: bytes
    secrets: list[str]
    at: datetime


def wake() -> None:
    """After the commit, wake a worker."""
    on_commit("notifications", lambda: wakeups.wake_work_queue(SEND_WEBHOOKS))


def is_webhook_due(*, now: datetime) -> bool:
    """Tell whether anything is due for any receiver."""
    return _with_work(now).exists()


def claim_deliveries(*, limit: int, now: datetime, left_out: Collection[UUID] = ()) -> list[Sending]:
    """Take up to `limit` due deliveries, over the receivers in no particular order: none is always the last.

    A receiver whose breaker is open is spared: its deliveries wait without using up their tries.
    """
    claimed: list[Sending] = []
    due = _with_work(now).exclude(pk__in=left_out)
    receivers = list(due.values_list("pk", flat=True)) if limit > 0 else []
    random.shuffle(receivers)
    for endpoint_id in receivers:
        while len(claimed) < limit and not breakers.ask(get_breaker_name(endpoint_id)):
            sending = claim_delivery(endpoint_id=endpoint_id, now=now)
            if sending is None:
                break
            claimed.append(sending)
    return claimed


def claim_delivery(*, endpoint_id: UUID, now: datetime) -> Sending | None:
    """Take the next due delivery of a receiver; None when there is none, or as many are under way as may be.

    Facts about one subject go out one at a time and in their order, except that a fact which failed is overtaken
    while it waits for its next try.
    """
    with transaction("notifications"):
        endpoint = _lock(endpoint_id)
        if endpoint is None or not endpoint.is_enabled:
            return None
        deliveries = WebhookDelivery.objects.filter(endpoint=endpoint)
        busy = list(deliveries.filter(lease_until__gt=now).values_list("subject", flat=True))
        if len(busy) >= SLOTS:
            return None
        found = _free(deliveries, now).exclude(subject__in=busy).order_by("next_attempt_at", "id").first()
        if found is None:
            return None
        found.lease(until=now + LEASE)
        found.save(update_fields=["attempts", "tries", "lease_until"])
        return _sending(endpoint, found, now)


def record_attempt(*, sending: Sending, answer: Answer, now: datetime) -> None:
    """Record what came of an attempt, for the log, the metrics and the receiver's breaker.

    A receiver that only fails, or is gone, is switched off and its owner told. An attempt that outlived
    its lease is kept in the log; it counts only if it succeeded. Publishes WebhookDisabled.
    """
    _judge(sending, answer)
    with transaction("notifications"):
        endpoint = _lock(sending.endpoint_id)
        delivery = WebhookDelivery.objects.select_for_update().filter(pk=sending.delivery_id).first()
        if endpoint is None or delivery is None:
            return
        _log(sending, answer)
        is_overtaken = delivery.attempts != sending.number or delivery.state not in WAITING_STATES
        if answer.is_success:
            _succeed(endpoint, delivery, now)
        elif not is_overtaken:
            _fail(endpoint, delivery, answer, now)


def forget_old_deliveries(*, now: datetime) -> int:
    """Drop finished deliveries of more than a month ago, and their log; return how many went."""
    total = 0
    while True:
        with transaction("notifications"):
            old = WebhookDelivery.objects.filter(created_at__lt=now - KEPT, finished_at__isnull=False)
            ids = list(old.order_by("created_at", "id").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
            WebhookAttempt.objects.filter(delivery_id__in=ids).delete()
            WebhookDelivery.objects.filter(pk__in=ids).delete()
        total += len(ids)
        if len(ids) < FORGOTTEN_AT_ONCE:
            return total


def _with_work(now: datetime) -> QuerySet[WebhookEndpoint]:
    due = _free(WebhookDelivery.objects.filter(endpoint=OuterRef("pk")), now)
    return WebhookEndpoint.objects.filter(Exists(due), state=EndpointState.ENABLED)


def _lock(endpoint_id: UUID) -> WebhookEndpoint | None:
    """Lock a receiver against its other senders, not against new deliveries, which refer to its row."""
    return WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()


def _free(deliveries: QuerySet[WebhookDelivery], now: datetime) -> QuerySet[WebhookDelivery]:
    is_unleased = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return deliveries.filter(is_unleased, state__in=WAITING_STATES, next_attempt_at__lte=now)


def _judge(sending: Sending, answer: Answer) -> None:
    """A receiver that answers, be it a refusal, is there; one that breaks down or is silent is spared for a while."""
    counters.count_attempt(answer.status_code)
    if answer.status_code is None or answer.status_code >= 500:
        breakers.failed(get_breaker_name(sending.endpoint_id), str(sending.delivery_id))
    else:
        breakers.answered(get_breaker_name(sending.endpoint_id))


def _sending(endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime) -> Sending:
    return Sending(
        delivery_id=delivery.id,
        endpoint_id=endpoint.id,
        number=delivery.attempts,
        url=endpoint.url,
        message_id=str(delivery.event_id),
        body=bytes(delivery.body),
        secrets=endpoint.secrets_at(now),
        at=now,
    )


def _log(sending: Sending, answer: Answer) -> None:
    WebhookAttempt.objects.create(
        delivery_id=sending.delivery_id,
        number=sending.number,
        at=sending.at,
        status_code=answer.status_code,
        duration_ms=answer.duration_ms,
        error=answer.error[:500],
        response_excerpt=answer.excerpt,
    )


def _succeed(endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime) -> None:
    if delivery.state != DeliveryState.DELIVERED:
        delivery.record_delivered(now=now)
        delivery.save()
    if endpoint.failing_since is not None:
        endpoint.failing_since = None
        endpoint.save(update_fields=["failing_since"])


def _fail(endpoint: WebhookEndpoint, delivery: WebhookDelivery, answer: Answer, now: datetime) -> None:
    delivery.record_failed(is_final=answer.is_gone, retry_after_s=answer.retry_after_s, now=now)
    delivery.save()
    if endpoint.failing_since is None:
        endpoint.failing_since = now
        endpoint.save(update_fields=["failing_since"])
    if answer.is_gone and endpoint.is_enabled:
        _disable(endpoint, DisabledReason.GONE, now)
    elif endpoint.is_given_up(delivery, now=now):
        _disable(endpoint, DisabledReason.FAILING, now)


def _disable(endpoint: WebhookEndpoint, reason: DisabledReason, now: datetime) -> None:
    endpoint.disable(reason)
    endpoint.touch(now=now)
    endpoint.save()
    publish(
        WebhookDisabled(webhook_id=endpoint.id, url=endpoint.url, owner_id=endpoint.owner_id, reason=str(reason.value))
    )
    log.warning("webhook_disabled", webhook_id=str(endpoint.id), reason=reason.value)
    notify(
        event_key=f"webhook.disabled:{endpoint.id}:{endpoint.version}",
        kind=Kind.WEBHOOK_DISABLED,
        user_ids=[endpoint.owner_id],
        data={"webhook_id": str(endpoint.id), "url": endpoint.url, "reason": reason.value},
        now=now,
    )
