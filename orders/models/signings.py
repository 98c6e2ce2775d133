"""Requests for a qualified signature: what a provider of signatures was asked to sign, and what came of it."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from orders.models.papers import IssuedDocument, SignatureSide


class SigningState(models.TextChoices):
    """State of a request for a signature."""

    REQUESTED = "requested", _("requested")
    UNKNOWN = "unknown", _("no answer yet")
    SIGNED = "signed", _("signed")
    REFUSED = "refused", _("refused")


PENDING = (SigningState.REQUESTED, SigningState.UNKNOWN)
NEXT: dict[str, tuple[str, ...]] = {
    SigningState.REQUESTED: (SigningState.UNKNOWN, SigningState.SIGNED, SigningState.REFUSED),
    SigningState.UNKNOWN: (SigningState.SIGNED, SigningState.REFUSED),
}


class QualifiedSigning(models.Model):
    """A request to sign the bytes of a paper with a qualified signature, for one side; one at a time for each side."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(IssuedDocument, on_delete=models.PROTECT, related_name="signings")
    side = models.CharField(_("side"), max_length=10, choices=SignatureSide)
    state = models.CharField(_("state"), max_length=10, choices=SigningState, default=SigningState.REQUESTED)
    provider = models.CharField(_("provider"), max_length=20)
    sha256 = models.CharField(_("SHA-256 of the PDF"), max_length=64)
    failure_code = models.CharField(_("code of the refusal"), max_length=60, blank=True, default="")
    requested_by = models.UUIDField(_("requested by"))
    requested_at = models.DateTimeField(_("requested at"))
    settled_at = models.DateTimeField(_("settled at"), null=True)

    class Meta:
        verbose_name = _("request for a qualified signature")
        verbose_name_plural = _("requests for qualified signatures")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["document", "side"],
                condition=Q(state__in=["requested", "unknown"]),
                name="signing_one_at_a_time",
            ),
            models.CheckConstraint(condition=Q(state__in=SigningState.values), name="signing_state_known"),
            models.CheckConstraint(condition=Q(side__in=SignatureSide.values), name="signing_side_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["document", "-requested_at"], name="signing_of_document")]

    def __str__(self) -> str:
        return f"{self.document_id}: {self.get_state_display()}"

    @property
    def key(self) -> str:
        """Return the key under which the provider signs it once, however often it is asked."""
        return f"sign_{self.id.hex}"

    def move(self, state: str, *, now: datetime) -> None:
        """Go on to what the provider says. Raises WrongTransition."""
        allowed = NEXT.get(self.state, ())
        if state not in allowed:
            raise WrongTransition(self.state, [str(one) for one in allowed])
        self.state = state
        if state not in PENDING:
            self.settled_at = now
