"""Written offers: goods at agreed prices until a day, what became of them, and the paper that says so."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.postgres.history import OnlyAdded
from core.secrecy.sealed import SealedTextField
from orders.models.order import Order
from orders.models.papers import DocumentTemplate, PaperLanguage


class OfferState(models.TextChoices):
    """State of a written offer."""

    DRAFT = "draft", _("draft")
    SENT = "sent", _("sent")
    ACCEPTED = "accepted", _("accepted")
    DECLINED = "declined", _("declined")
    EXPIRED = "expired", _("past its last day")
    WITHDRAWN = "withdrawn", _("withdrawn")


NEXT: dict[str, tuple[str, ...]] = {
    OfferState.DRAFT: (OfferState.SENT, OfferState.WITHDRAWN),
    OfferState.SENT: (OfferState.ACCEPTED, OfferState.DECLINED, OfferState.EXPIRED, OfferState.WITHDRAWN),
}
"""Every step of an offer; the others end it. What was sent is never changed: a revision takes its place."""
SEEN = tuple(state for state in OfferState if state != OfferState.DRAFT)
"""States in which its buyer may see an offer, if it was ever sent."""


class SalesOffer(models.Model):
    """Goods at prices that a manager offers a buyer until a day, included. `/offers` in the API.

    `buyer_name` is what their account was called as it was written. `lines` hold each piece's list price and agreed
    price as `orders.rules.offers.OfferedGoods`, `insurance` and `loan` what goes with them as `offer_deals` beside it
    has it; `total_amount` is the goods and what is due now for the policies. Revisions share a number; `sent_at` is
    empty of one that never left the house.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(_("number"), max_length=24)
    revision = models.PositiveSmallIntegerField(_("revision"), default=1)
    customer_id = models.UUIDField(_("buyer"))
    buyer_name = SealedTextField(_("buyer's name"), blank=True, default="")
    manager_id = models.UUIDField(_("manager"))
    state = models.CharField(_("state"), max_length=10, choices=OfferState, default=OfferState.DRAFT)
    language = models.CharField(_("language"), max_length=2, choices=PaperLanguage, default=PaperLanguage.RUSSIAN)
    lines = models.JSONField(default=list, editable=False)
    insurance = models.JSONField(default=list, db_default=[], editable=False)
    loan = models.JSONField(null=True, editable=False)
    total_amount = models.DecimalField(_("total"), max_digits=14, decimal_places=2)
    discount_total = models.DecimalField(_("discounts"), max_digits=14, decimal_places=2, default=Decimal(0))
    currency = models.CharField(_("currency"), max_length=3)
    is_below_cost = models.BooleanField(_("also below cost"), default=False)
    valid_until = models.DateField(_("valid until"))
    comment = models.TextField(_("words to the buyer"), blank=True, default="")
    reason = models.TextField(_("why it ended"), blank=True, default="")
    legal_entity_id = models.UUIDField(_("seller"), null=True)
    order = models.OneToOneField(
        Order, on_delete=models.PROTECT, null=True, related_name="offer", verbose_name=_("order")
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    sent_at = models.DateTimeField(_("sent at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("written offer")
        verbose_name_plural = _("written offers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["number", "revision"], name="offer_revision_once"),
            models.UniqueConstraint(fields=["number"], condition=Q(state="sent"), name="offer_sent_once"),
            models.CheckConstraint(condition=Q(state__in=OfferState.values), name="offer_state_known"),
            models.CheckConstraint(condition=Q(language__in=PaperLanguage.values), name="offer_language_known"),
            models.CheckConstraint(condition=Q(total_amount__gte=0, discount_total__gte=0), name="offer_sums_known"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"]) | Q(sent_at__isnull=False), name="offer_sent_at"
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", order__isnull=False) | (~Q(state="accepted") & Q(order=None)),
                name="offer_accepted_is_ordered",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="offer_newest"),
            models.Index(fields=["customer_id", "-created_at", "-id"], name="offer_of_customer"),
            models.Index(fields=["valid_until"], condition=Q(state="sent"), name="offer_to_expire"),
        ]

    def __str__(self) -> str:
        return self.known_as

    @property
    def known_as(self) -> str:
        """Return its number as papers name it: a revision says which it is."""
        return self.number if self.revision == 1 else f"{self.number}/{self.revision}"

    def require_draft(self) -> None:
        """Pass a draft. Raises WrongTransition: what was sent is never changed, a revision takes its place."""
        if self.state != OfferState.DRAFT:
            raise WrongTransition(self.state, self.list_next())

    def list_next(self) -> list[str]:
        """List the states that it may go to now."""
        return [str(state) for state in NEXT.get(self.state, ())]

    def move(self, state: str, *, now: datetime, reason: str = "") -> None:
        """Go on to the next state. Raises WrongTransition with what is allowed."""
        if state not in NEXT.get(self.state, ()):
            raise WrongTransition(self.state, self.list_next())
        self.state = state
        if state == OfferState.SENT:
            self.sent_at = now
        else:
            self.ended_at, self.reason = now, reason
        self.touch(now)

    def touch(self, now: datetime) -> None:
        """Record that the offer changed."""
        self.updated_at = now
        self.version += 1

    def is_over(self, today: date) -> bool:
        """Tell whether its last day is past."""
        return today > self.valid_until


class OfferHistory(models.Model):
    """A change of an offer: who made it and when, and its facts after it."""

    id = models.BigAutoField(primary_key=True)
    offer = models.ForeignKey(SalesOffer, on_delete=models.PROTECT, related_name="history")
    event = models.CharField(max_length=40)
    actor_id = models.UUIDField(null=True)
    reason = models.TextField(blank=True, default="")
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()
    only_added: ClassVar = OnlyAdded(words=("reason", "facts"))

    class Meta:
        verbose_name = _("change of an offer")
        verbose_name_plural = _("changes of offers")
        indexes: ClassVar = [
            models.Index(fields=["offer", "id"], name="offer_history_of_offer"),
            models.Index(fields=["at", "id"], name="offer_history_by_at"),
            models.Index(
                fields=["actor_id", "at", "id"], condition=Q(actor_id__isnull=False), name="offer_history_by_actor"
            ),
        ]


class OfferPaper(models.Model):
    """The paper that an offer was sent as: its words and PDF are frozen and sealed, their hash is not."""

    offer = models.OneToOneField(SalesOffer, on_delete=models.PROTECT, primary_key=True, related_name="paper")
    template = models.ForeignKey(DocumentTemplate, on_delete=models.PROTECT, related_name="offers")
    title = models.CharField(max_length=200)
    text = SealedTextField()
    content = models.BinaryField()
    sha256 = models.CharField(_("SHA-256 of the PDF"), max_length=64)
    issued_at = models.DateTimeField(_("issued at"))
    only_added: ClassVar = OnlyAdded(words=("text", "content"))

    class Meta:
        verbose_name = _("paper of an offer")
        verbose_name_plural = _("papers of offers")
