"""Appointments to be given what was bought: asked for, booked at a place, exchanged for another time, over."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from orders.models.order import Order


class HandoverState(models.TextChoices):
    """State of an appointment, or how it ended."""

    ASKED = "asked", _("being booked")
    CONFIRMED = "confirmed", _("confirmed")
    REFUSED = "refused", _("refused")
    MOVED = "moved", _("moved to another time")
    CANCELLED = "cancelled", _("cancelled")
    LOST = "lost", _("its place cannot be had")
    DONE = "done", _("handed over")


COMING = (HandoverState.ASKED, HandoverState.CONFIRMED)
"""States in which a place is taken for it, or about to be."""
_ENDS = frozenset(HandoverState) - frozenset(COMING)
NEXT: dict[str, frozenset[str]] = {
    HandoverState.ASKED: frozenset(
        {HandoverState.CONFIRMED, HandoverState.REFUSED, HandoverState.CANCELLED, HandoverState.DONE}
    ),
    HandoverState.CONFIRMED: _ENDS - {HandoverState.REFUSED},
}
"""Every step of an appointment; an ended one makes none."""


class HandoverAppointment(models.Model):
    """A time [starts_at, ends_at) at which an order is handed over. Its id is that of its booking in resources.

    `replaces` is the one that it takes the place of, once it is confirmed; until then that one holds.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="handovers", verbose_name=_("order"))
    state = models.CharField(_("state"), max_length=10, choices=HandoverState, default=HandoverState.ASKED)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    time_zone = models.CharField(_("time zone"), max_length=64)
    location = models.CharField(_("place"), max_length=200, blank=True, default="")
    replaces = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="replaced_by")
    asked_by = models.UUIDField(_("asked for by"))
    reason = models.TextField(_("reason"), blank=True, default="")
    reminded_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("hand-over appointment")
        verbose_name_plural = _("hand-over appointments")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="handover_lasts"),
            models.CheckConstraint(condition=Q(state__in=HandoverState.values), name="handover_state_known"),
            models.UniqueConstraint(fields=["order"], condition=Q(state="confirmed"), name="handover_one_confirmed"),
            models.UniqueConstraint(fields=["order"], condition=Q(state="asked"), name="handover_one_asked"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["order", "-created_at", "-id"], name="handover_of_order"),
            models.Index(fields=["starts_at", "id"], condition=Q(state="confirmed"), name="handover_ahead"),
            models.Index(fields=["-starts_at", "-id"], name="handover_latest"),
        ]

    def __str__(self) -> str:
        return str(self.order)

    @property
    def is_coming(self) -> bool:
        """Tell whether it is to take place, or is about to be booked."""
        return self.state in COMING

    def move(self, state: str, *, now: datetime, reason: str = "") -> None:
        """Go on to `state`. Raises WrongTransition."""
        allowed = NEXT.get(self.state, frozenset())
        if state not in allowed:
            raise WrongTransition(self.state, sorted(str(one) for one in allowed))
        self.state, self.updated_at = state, now
        self.reason = reason or self.reason
        self.version += 1
