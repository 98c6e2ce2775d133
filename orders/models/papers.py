"""Papers of the contract desk: templates with versions, what was issued from them, and who signed it."""

from datetime import date, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.postgres.history import OnlyAdded
from core.secrecy.sealed import SealedTextField
from orders.models.order import Order


class PaperKind(models.TextChoices):
    """Kind of paper that the contract desk issues from a template."""

    SALE_NEW = "sale-new", _("contract of sale, new car")
    SALE_USED = "sale-used", _("contract of sale, used car")
    SALE_CONSIGNED = "sale-consigned", _("contract of sale, consigned car")
    HANDOVER = "handover", _("act of handover")
    TRADE_IN = "trade-in", _("contract and act of trade-in")
    LOAN = "loan", _("terms of payment on credit")
    DEPOSIT = "deposit", _("deposit agreement")
    ATTORNEY = "attorney", _("power of attorney")
    CONSENT = "consent", _("consent to personal data")
    INVOICE = "invoice", _("invoice for payment")
    SALE_GOODS = "sale-goods", _("contract of sale, any goods")
    ACT_GOODS = "act-goods", _("act of handover, any goods")
    RETURN_ACT = "return-act", _("act of return")
    OFFER = "offer", _("written offer")


class TaxPaperKind(models.TextChoices):
    """Kind of paper whose form the law prescribes: it has no template, and its numbers are its seller's."""

    TAX_INVOICE = "tax-invoice", _("tax invoice")
    UPD = "upd", _("universal transfer document")
    ADVANCE_INVOICE = "advance-invoice", _("tax invoice for an advance")
    CORRECTION = "correction", _("corrective tax invoice")


ISSUED_KINDS = [*PaperKind.choices, *TaxPaperKind.choices]
"""Kinds of paper that are issued, with a template or by a prescribed form."""


_SELLERS = (
    PaperKind.INVOICE,
    TaxPaperKind.TAX_INVOICE,
    TaxPaperKind.ADVANCE_INVOICE,
    TaxPaperKind.CORRECTION,
)


class PaperLanguage(models.TextChoices):
    """Language that a template is written in."""

    RUSSIAN = "ru", _("Russian")
    ENGLISH = "en", _("English")


class TemplateState(models.TextChoices):
    """State of a version of a template."""

    DRAFT = "draft", _("draft")
    IN_FORCE = "in-force", _("in force")
    RETIRED = "retired", _("retired")


class DocumentTemplate(models.Model):
    """A version of the words of one kind of paper. It changes as a draft alone: the database refuses it afterwards.

    Of the versions in force the one with the latest `valid_from` that has come is issued.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=15, choices=PaperKind)
    language = models.CharField(_("language"), max_length=2, choices=PaperLanguage)
    number = models.PositiveIntegerField(_("version"))
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"))
    state = models.CharField(_("state"), max_length=10, choices=TemplateState, default=TemplateState.DRAFT)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    is_shipped = models.BooleanField(_("shipped with the program"), default=False)
    created_by = models.UUIDField(_("created by"), null=True)
    created_at = models.DateTimeField(_("created at"))
    enforced_by = models.UUIDField(_("put in force by"), null=True)
    enforced_at = models.DateTimeField(_("put in force at"), null=True)
    retired_at = models.DateTimeField(_("retired at"), null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("document template")
        verbose_name_plural = _("document templates")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "language", "number"], name="template_version_once"),
            models.UniqueConstraint(
                fields=["kind", "language", "valid_from"], condition=Q(state="in-force"), name="template_day_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=PaperKind.values), name="template_kind_known"),
            models.CheckConstraint(condition=Q(language__in=PaperLanguage.values), name="template_language_known"),
            models.CheckConstraint(condition=Q(state__in=TemplateState.values), name="template_state_known"),
            models.CheckConstraint(
                condition=~Q(state="in-force") | Q(valid_from__isnull=False, enforced_at__isnull=False),
                name="template_in_force_from",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-created_at", "-id"], name="template_newest")]

    def __str__(self) -> str:
        return f"{self.title} ({self.language}, {self.number})"

    def require_draft(self) -> None:
        """Pass a draft. Raises WrongTransition of a version that papers may have been issued from."""
        if self.state != TemplateState.DRAFT:
            raise WrongTransition(self.state, [])

    def enforce(self, *, valid_from: date, actor_id: object, now: datetime) -> None:
        """Put a draft in force from a day on. Raises WrongTransition."""
        self.require_draft()
        self.state, self.valid_from = TemplateState.IN_FORCE, valid_from
        self.enforced_by, self.enforced_at = actor_id, now  # type: ignore[assignment]  # UUID, or None at installing
        self.version += 1

    def retire(self, *, now: datetime) -> None:
        """Issue nothing from it any more. Raises WrongTransition."""
        if self.state != TemplateState.IN_FORCE:
            raise WrongTransition(self.state, [])
        self.state, self.retired_at = TemplateState.RETIRED, now
        self.version += 1


class BuyerPapers(models.Model):
    """Passport data and phone of an order's buyer, sealed; any change of them takes the check of identity back."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, primary_key=True, related_name="buyer_papers")
    data = SealedTextField(_("passport data"))
    entered_by = models.UUIDField(_("entered by"))
    updated_at = models.DateTimeField(_("updated at"))
    checked_by = models.UUIDField(_("identity checked by"), null=True)
    checked_at = models.DateTimeField(_("identity checked at"), null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("buyer's papers")
        verbose_name_plural = _("buyers' papers")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(checked_by__isnull=True, checked_at__isnull=True)
                | Q(checked_by__isnull=False, checked_at__isnull=False),
                name="buyer_papers_checked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return str(self.order_id)


class IssuedDocument(models.Model):
    """A paper issued under a number: its text and PDF are frozen and sealed, their hashes are not.

    `details` is what was said by hand, as JSON; one issued by an earlier release does not know. The text of a tax paper
    is its facts as JSON.
    `facts_digest` tells one issue from the next: it is keyed, for passport data could be guessed from a plain hash.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="issued_documents")
    kind = models.CharField(_("kind"), max_length=15, choices=ISSUED_KINDS)
    language = models.CharField(_("language"), max_length=2, choices=PaperLanguage)
    number = models.CharField(_("number"), max_length=24, unique=True)
    title = models.CharField(_("title"), max_length=200)
    template = models.ForeignKey(DocumentTemplate, on_delete=models.PROTECT, null=True, related_name="issued")
    details = SealedTextField(_("said by hand"), null=True)
    text = SealedTextField(_("text"))
    content = models.BinaryField()
    sha256 = models.CharField(_("SHA-256 of the PDF"), max_length=64)
    text_sha256 = models.CharField(_("SHA-256 of the text"), max_length=64)
    facts_digest = models.CharField(max_length=64)
    order_version = models.PositiveIntegerField()
    issued_by = models.UUIDField(_("issued by"))
    issued_at = models.DateTimeField(_("issued at"))
    only_added: ClassVar = OnlyAdded(words=("text", "content", "facts_digest", "details"))

    class Meta:
        verbose_name = _("issued document")
        verbose_name_plural = _("issued documents")
        indexes: ClassVar = [
            models.Index(fields=["-issued_at", "-id"], name="issued_document_newest"),
            models.Index(fields=["order", "kind", "-issued_at"], name="issued_document_of_order"),
            models.Index(fields=["issued_by", "issued_at", "id"], name="issued_document_by_issuer"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def sides(self) -> tuple[str, ...]:
        """Name who has to sign: what a buyer alone declares needs nobody else."""
        if self.kind in (PaperKind.CONSENT, PaperKind.ATTORNEY):
            return ("buyer",)
        return ("seller",) if self.kind in _SELLERS else ("buyer", "seller")


class SignatureSide(models.TextChoices):
    """Side of a paper that somebody signs for."""

    BUYER = "buyer", _("the buyer")
    SELLER = "seller", _("the seller")


class SignatureMethod(models.TextChoices):
    """Kind of signature."""

    CODE = "code", _("simple, by a code sent to the phone")
    ACCOUNT = "account", _("simple, by the account of an employee")
    QUALIFIED = "qualified", _("qualified")


class DocumentSignature(models.Model):
    """A signature and its protocol: who signed which bytes when, from where and how (63-FZ, articles 5, 6 and 9)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(IssuedDocument, on_delete=models.PROTECT, related_name="signatures")
    side = models.CharField(_("side"), max_length=10, choices=SignatureSide)
    method = models.CharField(_("method"), max_length=10, choices=SignatureMethod)
    signer_id = models.UUIDField(_("signer"))
    signer_name = SealedTextField(_("name"))
    phone = SealedTextField(_("phone"), blank=True, default="")
    address = SealedTextField(_("IP address"))
    user_agent = SealedTextField(_("program"), blank=True, default="")
    identity_checked_by = models.UUIDField(_("identity checked by"), null=True)
    code_hash = models.CharField(_("hash of the code"), max_length=64, blank=True, default="")
    code_sent_at = models.DateTimeField(_("code sent at"), null=True)
    cms = models.BinaryField(_("signature"), null=True)
    certificate = SealedTextField(_("certificate"), blank=True, default="")
    sha256 = models.CharField(_("SHA-256 of the PDF"), max_length=64)
    text_sha256 = models.CharField(_("SHA-256 of the text"), max_length=64)
    signed_at = models.DateTimeField(_("signed at"))
    only_added: ClassVar = OnlyAdded(
        words=("signer_name", "phone", "address", "user_agent", "certificate", "cms", "code_hash")
    )

    class Meta:
        verbose_name = _("signature")
        verbose_name_plural = _("signatures")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "side"], name="signature_once_a_side"),
            models.CheckConstraint(condition=Q(side__in=SignatureSide.values), name="signature_side_known"),
            models.CheckConstraint(condition=Q(method__in=SignatureMethod.values), name="signature_method_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["signed_at", "id"], name="signature_by_signed_at"),
            models.Index(fields=["signer_id", "signed_at", "id"], name="signature_by_signer"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id}: {self.get_side_display()}"


class SigningCode(models.Model):
    """A code that was sent for one paper: a hash bound to its bytes, good for a few minutes and tries."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(IssuedDocument, on_delete=models.PROTECT, related_name="codes")
    signer_id = models.UUIDField(_("signer"))
    code_hash = models.CharField(max_length=64)
    phone = SealedTextField(_("phone"))
    sent_at = models.DateTimeField(_("sent at"))
    expires_at = models.DateTimeField(_("good until"))
    tries = models.PositiveSmallIntegerField(_("wrong tries"), default=0)
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("signing code")
        verbose_name_plural = _("signing codes")
        indexes: ClassVar = [models.Index(fields=["document", "-sent_at"], name="signing_code_newest")]

    def __str__(self) -> str:
        return str(self.document_id)


class TaxPaperCounter(models.Model):
    """The last number that a seller's tax papers were given in a year; its row lock makes the numbers gapless."""

    legal_entity_id = models.UUIDField()
    year = models.PositiveSmallIntegerField()
    last_number = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["legal_entity_id", "year"], name="tax_paper_counter_once"),
        ]
