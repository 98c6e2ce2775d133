"""Tables of notifications: news for people, and facts for other systems."""

from notifications.models.news import (
    Channel,
    Delivery,
    Notification,
    Preference,
    Recipient,
    gathering_time,
    kinds_for,
    offered_channels,
)
from notifications.models.webhooks import (
    DELAYS_S,
    SLOTS,
    TEST_EVENT,
    WAITING_STATES,
    DeliveryState,
    DisabledReason,
    EndpointState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifications.rules.kinds import Kind

__all__ = [
    "DELAYS_S",
    "SLOTS",
    "TEST_EVENT",
    "WAITING_STATES",
    "Channel",
    "Delivery",
    "DeliveryState",
    "DisabledReason",
    "EndpointState",
    "Kind",
    "Notification",
    "Preference",
    "Recipient",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "gathering_time",
    "kinds_for",
    "offered_channels",
]
