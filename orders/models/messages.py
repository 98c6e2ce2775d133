"""Messages of an order between its buyer and the staff, and how far each side has read."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.postgres.history import OnlyAdded
from orders.models.order import Order

LONGEST = 2000
"""Characters of a message."""


class Side(models.TextChoices):
    """Side of an order that somebody writes for; staff are buyers in their own orders."""

    BUYER = "buyer", _("buyer")
    STAFF = "staff", _("staff")


class OrderThread(models.Model):
    """Conversation about an order: how many messages it has, how far each side has read, and who waits.

    `buyer_read` and `staff_read` are numbers of messages; nothing up to them is unread. `waiting_since` is when the
    buyer wrote what nobody has answered; whoever answers, or says that nothing needs an answer, ends the wait.
    """

    order = models.OneToOneField(Order, on_delete=models.CASCADE, primary_key=True, related_name="thread")
    last_number = models.PositiveIntegerField(_("messages"), default=0)
    buyer_read = models.PositiveIntegerField(default=0)
    staff_read = models.PositiveIntegerField(default=0)
    unanswered = models.PositiveSmallIntegerField(_("unanswered"), default=0)
    waiting_since = models.DateTimeField(_("waiting since"), null=True)
    last_at = models.DateTimeField(_("last message at"), null=True)

    class Meta:
        verbose_name = _("conversation about an order")
        verbose_name_plural = _("conversations about orders")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(buyer_read__lte=F("last_number"), staff_read__lte=F("last_number")),
                name="thread_read_what_there_is",
            ),
            models.CheckConstraint(
                condition=Q(waiting_since__isnull=True, unanswered=0)
                | Q(waiting_since__isnull=False, unanswered__gt=0),
                name="thread_waits_for_an_answer",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["waiting_since", "order"],
                condition=Q(waiting_since__isnull=False),
                name="thread_waiting",
            ),
            models.Index(fields=["-last_at", "-order"], name="thread_newest"),
        ]

    def __str__(self) -> str:
        return str(self.order)

    def add(self, side: str, *, now: datetime) -> int:
        """Count a message of a side, which has read all before it; return its number."""
        self.last_number += 1
        self.last_at = now
        self.read(side, self.last_number)
        if side == Side.STAFF:
            self.settle()
        else:
            self.unanswered += 1
            self.waiting_since = self.waiting_since or now
        return self.last_number

    def read(self, side: str, until: int) -> None:
        """Know that a side has read everything up to a number; nothing becomes unread again."""
        until = min(until, self.last_number)
        if side == Side.STAFF:
            self.staff_read = max(self.staff_read, until)
        else:
            self.buyer_read = max(self.buyer_read, until)

    def settle(self) -> None:
        """End the buyer's wait."""
        self.unanswered, self.waiting_since = 0, None

    def read_by(self, side: str) -> int:
        """Return the number up to which a side has read."""
        return self.staff_read if side == Side.STAFF else self.buyer_read


class OrderMessage(models.Model):
    """One message about an order, plain text; nobody changes what was said. Numbers count from 1 in each order."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="messages")
    number = models.PositiveIntegerField()
    side = models.CharField(_("written by"), max_length=5, choices=Side)
    author_id = models.UUIDField(_("author"))
    text = models.TextField(_("text"), max_length=LONGEST)
    sent_at = models.DateTimeField(_("sent at"))
    only_added: ClassVar = OnlyAdded(words=("text",))

    class Meta:
        verbose_name = _("message about an order")
        verbose_name_plural = _("messages about orders")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "number"], name="message_number_unique"),
            models.CheckConstraint(condition=Q(side__in=Side.values), name="message_side_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["sent_at", "id"], name="message_by_moment"),
            models.Index(fields=["author_id", "sent_at", "id"], name="message_by_author"),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()}, {self.number}"
