"""Tables of the event log and its deliveries; they stand in every database, so every query names one."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7

SHARDS = 16
"""Shards of one handler: deliveries of one partition always share a shard, and one worker at a time has a shard."""


class EventStream(models.Model):
    """The last sequence number given out for one aggregate; its row lock makes the sequence gapless."""

    pk = models.CompositePrimaryKey("aggregate", "aggregate_id")
    aggregate = models.CharField(max_length=40)
    aggregate_id = models.CharField(max_length=64)
    last_seq = models.BigIntegerField()

    class Meta:
        db_table = "messaging_event_stream"


class OutboxEvent(models.Model):
    """A committed fact of this database. `position` is given by the relay: gapless, in commit order per aggregate."""

    n = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid7, unique=True, editable=False)
    aggregate = models.CharField(max_length=40)
    aggregate_id = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=80)
    version = models.PositiveSmallIntegerField(default=1)
    data = models.JSONField()
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=models.functions.Now())
    position = models.BigIntegerField(null=True, unique=True)

    class Meta:
        db_table = "messaging_outbox"
        verbose_name = _("outbox event")
        verbose_name_plural = _("outbox events")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["aggregate", "aggregate_id", "seq"], name="outbox_seq_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["n"], condition=Q(position__isnull=True), name="outbox_unsequenced"),
        ]


class FeedHead(models.Model):
    """The last position given out in this database. A restored backup, once declared, gets a new `epoch`.

    The epoch began after position `began_at`: positions up to it were given out in earlier lives of the log, too.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    epoch = models.UUIDField(default=uuid7)
    position = models.BigIntegerField(default=0)
    began_at = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "messaging_feed_head"


class InboxCursor(models.Model):
    """Position to which a handler of this database has copied a source's log; moves in the transaction that copies.

    It has seen the event `anchor_id` at position `anchor`: a log with another event there is not the one it read.
    """

    pk = models.CompositePrimaryKey("source", "handler")
    source = models.CharField(max_length=40)
    handler = models.CharField(max_length=120)
    epoch = models.UUIDField()
    position = models.BigIntegerField(default=0)
    anchor = models.BigIntegerField(null=True)
    anchor_id = models.UUIDField(null=True)
    is_paused = models.BooleanField(default=False)
    pause_reason = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "messaging_inbox_cursor"


class DeliveryStatus(models.IntegerChoices):
    """State of a delivery."""

    PENDING = 0, _("pending")
    DONE = 1, _("done")
    DEAD = 2, _("parked")
    SKIPPED = 3, _("discarded")


class InboxEvent(models.Model):
    """One event for one handler. Marked done in the transaction of its effect: delivered again, it does nothing."""

    rn = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    handler = models.CharField(max_length=120)
    source = models.CharField(max_length=40)
    aggregate = models.CharField(max_length=40)
    aggregate_id = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    partition_key = models.CharField(max_length=64, db_column="lane")
    shard = models.PositiveSmallIntegerField()
    type = models.CharField(max_length=80)
    version = models.PositiveSmallIntegerField(default=1)
    data = models.JSONField()
    headers = models.JSONField(default=dict)
    status = models.PositiveSmallIntegerField(choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=models.functions.Now())
    received_at = models.DateTimeField(db_default=models.functions.Now())
    done_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        db_table = "messaging_inbox"
        verbose_name = _("parked delivery")
        verbose_name_plural = _("parked deliveries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event_id", "handler"], name="inbox_once_per_handler"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["handler", "shard", "rn"], condition=Q(status=0), name="inbox_lane_pending"),
            models.Index(fields=["next_at"], condition=Q(status=0), name="inbox_due"),
            models.Index(fields=["handler", "partition_key"], condition=Q(status=2), name="inbox_parked"),
        ]


class InboxShard(models.Model):
    """Poison guard: which delivery a shard was working on when its worker last started one."""

    pk = models.CompositePrimaryKey("handler", "shard")
    handler = models.CharField(max_length=120)
    shard = models.PositiveSmallIntegerField()
    current_rn = models.BigIntegerField(null=True)
    deaths = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "messaging_inbox_lane"


class Timer(models.Model):
    """A deadline that survives every process: when due it becomes a delivery to its handler, once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    handler = models.CharField(max_length=120)
    partition_key = models.CharField(max_length=64, db_column="lane")
    shard = models.PositiveSmallIntegerField()
    type = models.CharField(max_length=80)
    data = models.JSONField()
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "messaging_timer"
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(fired_at__isnull=True), name="timer_due"),
            models.Index(fields=["partition_key"], condition=Q(fired_at__isnull=True), name="timer_lane"),
        ]


class CallState(models.TextChoices):
    """State of a call to the outside world. `unknown`: sent, and nobody knows whether it arrived."""

    NEW = "new", _("new")
    SENT = "sent", _("sent")
    OK = "ok", _("answered")
    DECLINED = "declined", _("declined")
    UNKNOWN = "unknown", _("unknown")
    DEAD = "dead", _("given up")


class ExternalCall(models.Model):
    """A call to a provider: written before it is made, answered after, keyed so that a repeat is harmless."""

    key = models.CharField(max_length=120, primary_key=True)
    operation = models.CharField(max_length=80)
    provider = models.CharField(max_length=40)
    request = models.JSONField()
    state = models.CharField(max_length=10, choices=CallState, default=CallState.NEW)
    response = models.JSONField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_at = models.DateTimeField(db_default=models.functions.Now())
    headers = models.JSONField(default=dict)
    last_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=models.functions.Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "messaging_external_call"
        verbose_name = _("external call")
        verbose_name_plural = _("external calls")
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], condition=Q(state__in=["new", "sent", "unknown"]), name="external_call_due"
            ),
        ]


class SinkCursor(models.Model):
    """Position to which a sink outside has been told of this database's log, and which relay may tell it until when.

    It stands beside the log it counts: a restored backup brings back both, so they always agree.
    """

    sink = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)
    owner = models.UUIDField()
    lease_until = models.DateTimeField()
    last_error = models.TextField(blank=True, default="")
    updated_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        db_table = "messaging_sink_cursor"


class Heartbeat(models.Model):
    """Last sign of life of a background role, by this database's clock."""

    role = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "messaging_heartbeat"


class ScheduledJob(models.Model):
    """Last sending of a nightly job, by the clock of whoever sent it; other jobs need no memory."""

    name = models.CharField(max_length=160, primary_key=True)
    last_run_at = models.DateTimeField()

    class Meta:
        db_table = "messaging_scheduled_job"


class Departure(models.Model):
    """A person who is leaving, or has left: nothing new may begin for them in this database.

    While obligations are asked about, `closing_id` names the attempt, and the row counts until `lapses_at`, should
    nobody ever say how it ended. `left_at`: their data was erased; from then on the row counts for ever.
    """

    user_id = models.UUIDField(primary_key=True)
    closing_id = models.UUIDField(null=True)
    lapses_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "messaging_departure"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(left_at__isnull=False) | Q(closing_id__isnull=False, lapses_at__isnull=False),
                name="departure_ends_or_lapses",
            ),
        ]
