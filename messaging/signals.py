"""Django signals of the event log."""

from django.dispatch import Signal

event_published = Signal()
"""Sent by `publish` and `send` inside the writer's transaction, with `event`; the outbox is its receiver."""

event_committed = Signal()
"""Sent for each once its transaction is committed, with `event`; what a receiver raises is not heard."""

delivery_parked = Signal()
"""Sent after a delivery used up its retries, with `alias`, `handler`, `partition_key`, `event_id` and `error`."""
