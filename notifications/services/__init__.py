"""Every write of notifications: telling people, keeping their wishes, and telling other systems."""

from notifications.services.news import notify, notify_staff, read_all, read_notification
from notifications.services.people import (
    Manner,
    Wish,
    close_recipient,
    forget_recipient,
    set_preferences,
    store_recipient,
    store_roles,
)
from notifications.services.reminders import cancel_policy_reminder, remind_of_policy_end
from notifications.services.sending import (
    SEND_WEBHOOKS,
    Sending,
    claim_deliveries,
    claim_delivery,
    forget_old_deliveries,
    is_webhook_due,
    record_attempt,
)
from notifications.services.sending_out import (
    SEND_CODE,
    SEND_EMAIL,
    SEND_SMS,
    record_message,
    send_again,
    send_code,
    send_deferred,
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
    "SEND_CODE",
    "SEND_EMAIL",
    "SEND_SMS",
    "SEND_WEBHOOKS",
    "Manner",
    "Sending",
    "WebhookFields",
    "Wish",
    "cancel_policy_reminder",
    "change_webhook",
    "claim_deliveries",
    "claim_delivery",
    "close_recipient",
    "forget_old_deliveries",
    "forget_recipient",
    "is_webhook_due",
    "notify",
    "notify_staff",
    "queue_deliveries",
    "read_all",
    "read_notification",
    "record_attempt",
    "record_message",
    "redeliver",
    "register_webhook",
    "remind_of_policy_end",
    "remove_webhook",
    "rotate_secret",
    "send_again",
    "send_code",
    "send_deferred",
    "send_test",
    "set_preferences",
    "store_recipient",
    "store_roles",
]
