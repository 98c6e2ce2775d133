"""Facts about webhooks themselves; they stay inside."""

from uuid import UUID

from core.events import Event, event


@event("webhook.disabled", aggregate="webhook", key="webhook_id", internal=True)
class WebhookDisabled(Event):
    """Nothing is sent to a receiver any more. `reason`: gone (it answered 410) or failing (for five days)."""

    webhook_id: UUID
    url: str
    owner_id: UUID
    reason: str
