"""Returns of what was handed over: asked for, inspected, decided, and the act that says so."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from orders.errors import WrongReturnState
from orders.models.order import Order

MAX_MILEAGE = 5_000_000
"""Kilometres no odometer shows."""


class ReturnState(models.TextChoices):
    """State of a return."""

    ASKED = "asked", _("asked for")
    INSPECTED = "inspected", _("inspected")
    ACCEPTED = "accepted", _("accepted, being undone")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")


UNDER_WAY = (ReturnState.ASKED, ReturnState.INSPECTED, ReturnState.ACCEPTED)
NEXT: dict[str, tuple[str, ...]] = {
    ReturnState.ASKED: (ReturnState.INSPECTED, ReturnState.REFUSED),
    ReturnState.INSPECTED: (ReturnState.INSPECTED, ReturnState.ACCEPTED, ReturnState.REFUSED),
    ReturnState.ACCEPTED: (ReturnState.DONE,),
}
"""Every step of a return; nothing is taken back that nobody has looked at."""


class OrderReturn(models.Model):
    """A buyer's wish to give back what a completed order brought them. `/returns` in the API.

    `mileage` in km and `condition` are what was said at first, then what the inspection found.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="returns", verbose_name=_("order"))
    state = models.CharField(_("state"), max_length=10, choices=ReturnState, default=ReturnState.ASKED)
    reason = models.TextField(_("reason"))
    mileage = models.PositiveIntegerField(_("mileage, km"), null=True)
    condition = models.TextField(_("condition"), blank=True, default="")
    asked_by = models.UUIDField(_("asked by"))
    asked_at = models.DateTimeField(_("asked at"))
    inspection = models.TextField(_("result of the inspection"), blank=True, default="")
    inspected_by = models.UUIDField(_("inspected by"), null=True)
    inspected_at = models.DateTimeField(_("inspected at"), null=True)
    note = models.TextField(_("why so decided"), blank=True, default="")
    decided_by = models.UUIDField(_("decided by"), null=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(state__in=["asked", "inspected", "accepted"]), name="return_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(state__in=ReturnState.values), name="return_state_known"),
            models.CheckConstraint(
                condition=~Q(state__in=["accepted", "done"]) | Q(inspected_at__isnull=False, decided_at__isnull=False),
                name="return_accepted_is_inspected",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-asked_at", "-id"], name="return_newest"),
            models.Index(fields=["state", "-asked_at", "-id"], name="return_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name}: {self.get_state_display()}"

    def move(self, state: str, *, now: datetime) -> None:
        """Go on to the next state. Raises WrongReturnState with what is allowed."""
        allowed = NEXT.get(self.state, ())
        if state not in allowed:
            raise WrongReturnState(current=self.state, allowed=[str(one) for one in allowed])
        self.state = state
        self.version += 1
        if state in (ReturnState.DONE, ReturnState.REFUSED):
            self.finished_at = now
