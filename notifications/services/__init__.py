"""Every write of notifications: telling people, keeping their wishes, and telling other systems."""

from notifications.services.news import (
    SEND_EMAIL,
    Wish,
    forget_recipient,
    keep_recipient,
    notify,
    read_notification,
    record_email,
    set_preferences,
)
from notifications.services.sending import (
    SEND_WEBHOOKS,
    Sending,
    claim_deliveries,
    claim_delivery,
    forget_old_deliveries,
    is_webhook_due,
    record_attempt,
)
from notifications.services.webhooks import (
    WebhookFields,
    change_webhook,
    queue_deliveries,
    redeliver,
    register_webhook,
    remove_webhook,
    rotate_secret,
    send_test,
)

__all__ = [
    "SEND_EMAIL",
    "SEND_WEBHOOKS",
    "Sending",
    "WebhookFields",
    "Wish",
    "change_webhook",
    "claim_deliveries",
    "claim_delivery",
    "forget_old_deliveries",
    "forget_recipient",
    "is_webhook_due",
    "keep_recipient",
    "notify",
    "queue_deliveries",
    "read_notification",
    "record_attempt",
    "record_email",
    "redeliver",
    "register_webhook",
    "remove_webhook",
    "rotate_secret",
    "send_test",
    "set_preferences",
]
