"""Documents of a sale: numbered without gaps, and never changed once issued."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.postgres.history import OnlyAdded
from orders.models.order import OPEN, SOLD, Order, Status


class DocumentKind(models.TextChoices):
    """Kind of document printed for a sale."""

    INVOICE = "invoice", _("invoice")
    CONTRACT = "contract", _("contract")
    HANDOVER_ACT = "handover-act", _("handover act")
    RETURN_ACT = "return-act", _("act of return")


DOCUMENTS: dict[str, frozenset[Status]] = {
    DocumentKind.INVOICE: SOLD.union(OPEN),
    DocumentKind.CONTRACT: SOLD | {Status.AWAITING_PAYMENT},
    DocumentKind.HANDOVER_ACT: frozenset({Status.READY, Status.COMPLETED}),
    DocumentKind.RETURN_ACT: frozenset({Status.RETURNED}),
}
"""In which states a document may be issued; one issued before stays readable for ever."""


class Document(models.Model):
    """One issue of a document: the facts it states, under its number. A changed order makes a new version."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(_("document"), max_length=15, choices=DocumentKind)
    number = models.CharField(_("number"), max_length=24, unique=True)
    version = models.PositiveSmallIntegerField(_("version"))
    order_version = models.PositiveIntegerField()
    facts = models.JSONField()
    facts_hash = models.CharField(max_length=64)
    issued_by = models.UUIDField()
    issued_at = models.DateTimeField(_("issued at"))
    only_added: ClassVar = OnlyAdded(words=("facts", "facts_hash"))

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "kind", "version"], name="document_version_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["issued_at", "id"], name="document_by_issued_at"),
            models.Index(fields=["issued_by", "issued_at", "id"], name="document_by_issuer"),
        ]

    def __str__(self) -> str:
        return self.number


class DocumentFile(models.Model):
    """The printed document in one language, with the SHA-256 of its bytes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="files")
    language = models.CharField(max_length=2)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    only_added: ClassVar = OnlyAdded(goes=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "language"], name="document_file_once"),
        ]


class DocumentCounter(models.Model):
    """The last number given to a kind of document in a year; its row lock makes the numbers gapless."""

    kind = models.CharField(max_length=15, choices=DocumentKind)
    year = models.PositiveSmallIntegerField()
    last_number = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "year"], name="document_counter_once")]
