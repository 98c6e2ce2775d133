"""Show the issued papers of an order: reading and signing them, and for managers issuing them."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from core.errors import DomainError, NotFound
from gateway import approvals
from gateway.access.readings import Papers, hand_over
from gateway.guards.address import exact_address
from orders.models import ISSUED_KINDS, BuyerPapers, IssuedDocument, PaperLanguage, TaxPaperKind
from orders.public import OrderDocument, get_order
from orders.queries.issued import IssuedPaper, list_issued
from orders.queries.papers import read_paper
from orders.rules.paper_facts import sayable
from orders.rules.paper_fields import FIELDS
from orders.services.issuing import issue_paper, list_kinds, preview_paper
from orders.services.qualified import NOBODY, request_signature
from orders.services.signing import begin_signing, sign_by_code, sign_for_seller
from storefront.pages import page
from storefront.shown import wording
from storefront.visitor import count, get_actor, user_id

KINDS = dict(ISSUED_KINDS)


class PaperForm(forms.Form):
    """Facts that neither the order nor the catalogue knows; each box is a field of the paper's template."""

    language = forms.ChoiceField(label=gettext_lazy("language"), choices=PaperLanguage.choices)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        said = frozenset() if kind in TaxPaperKind.values else sayable(kind)
        for item in FIELDS:
            if item.path in said:
                self.fields[item.path] = forms.CharField(label=item.label, required=False, max_length=1000)
        if kind in TaxPaperKind.values:
            self.fields["language"].widget = forms.HiddenInput()
            self.initial["language"] = PaperLanguage.RUSSIAN

    @property
    def details(self) -> dict[str, str]:
        """Return what was said."""
        return {path: text for path, text in self.cleaned_data.items() if path != "language" and text}


class SigningForm(forms.Form):
    """A paper, and the code that signs it."""

    document = forms.UUIDField()
    code = forms.RegexField(r"^\d{6}$", required=False)


@page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def order_documents(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The papers of an order; a POST issues one, shows it before, or signs one."""
    order = _find_order(request, order_id)
    kind = _get_kind(request, order)
    form = PaperForm(request.POST if request.method == "POST" and kind else None, kind=kind) if kind else None
    if request.method == "POST":
        try:
            count(request, "files")
            return _step(request, order, kind, form)
        except NotFound:
            raise
        except DomainError as error:
            messages.error(request, _say(error))
    return render(request, "storefront/order_documents.html", _show(request, order, kind, form))


def _find_order(request: HttpRequest, order_id: UUID) -> OrderDocument:
    order = get_order(order_id, viewer_id=user_id(request), is_staff=get_actor(request).is_staff)
    if order is None:
        raise NotFound
    return order


def _get_kind(request: HttpRequest, order: OrderDocument) -> str:
    """Return the kind that a manager wants to issue, empty where none is chosen or it cannot be."""
    wanted = request.POST.get("kind") or request.GET.get("kind") or ""
    return wanted if get_actor(request).is_staff and wanted in list_kinds(order.status) else ""


def _show(request: HttpRequest, order: OrderDocument, kind: str, form: PaperForm | None) -> dict[str, Any]:
    viewer_id = user_id(request)
    is_staff, is_buyer = get_actor(request).is_staff, order.customer_id == viewer_id
    is_ours = is_staff and not approvals.is_own("orders", person_id=viewer_id, beneficiary_id=order.customer_id)
    kinds = [(name, KINDS[name]) for name in list_kinds(order.status)] if is_staff else []
    papers = [_offer(paper, is_buyer=is_buyer, is_ours=is_ours) for paper in list_issued(order.id)]
    return {
        "order": order,
        "papers": papers,
        "kinds": kinds,
        "kind": kind,
        "kind_name": KINDS.get(kind, ""),
        "form": form,
        "has_preview": kind not in TaxPaperKind.values,
        "by_law": TaxPaperKind.values,
        "passport": BuyerPapers.objects.filter(order_id=order.id).exclude(data="").only("checked_at").first(),
    }


def _offer(paper: IssuedPaper, *, is_buyer: bool, is_ours: bool) -> dict[str, Any]:
    """Return a paper with what whoever looks at it may do to sign it: by a code, by their account, by a provider."""
    side = "buyer" if is_buyer else "seller"
    is_awaited = (is_buyer or is_ours) and paper.awaits(side)
    return {
        "paper": paper,
        "may_sign": is_awaited and is_buyer and paper.kind not in TaxPaperKind.values,
        "may_sign_for_us": is_awaited and not is_buyer and paper.kind not in TaxPaperKind.values,
        "may_ask": is_awaited and settings.SIGNING_PROVIDER != NOBODY and not paper.is_asked(side),
    }


def _step(request: HttpRequest, order: OrderDocument, kind: str, form: PaperForm | None) -> HttpResponse:
    """Do what a button says. Raises what the services do."""
    step = request.POST.get("step", "")
    if step in ("issue", "preview") and form is not None and form.is_valid():
        asked: dict[str, Any] = {
            "order_id": order.id,
            "kind": kind,
            "language": form.cleaned_data["language"],
            "details": form.details,
            "actor": get_actor(request),
            "now": timezone.now(),
        }
        if step == "preview":
            papers = Papers("orders", kind, order.id, order.customer_id)
            return hand_over(request, papers, preview_paper(**asked), "application/pdf")
        made = issue_paper(**asked)
        messages.success(request, _("%(title)s %(number)s is issued.") % {"title": made.title, "number": made.number})
    elif step in ("code", "sign", "ask"):
        _sign(request, order, step)
    else:
        messages.error(request, _("This document cannot be issued now."))
    return redirect(reverse("storefront:order-documents", args=[order.id]))


def _sign(request: HttpRequest, order: OrderDocument, step: str) -> None:
    """Send a code, ask a provider, or sign: the buyer by the code, a manager by their account.

    Raises what the services do.
    """
    form = SigningForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The code has six digits."))
        return
    document_id, actor, now = form.cleaned_data["document"], get_actor(request), timezone.now()
    if not IssuedDocument.objects.filter(pk=document_id, order_id=order.id).exists():
        raise NotFound
    origin = {"address": exact_address(request.META), "user_agent": request.headers.get("User-Agent", "")}
    if step == "ask":
        request_signature(document_id=document_id, actor=actor, now=now)
        messages.success(request, _("A qualified signature is asked for. The page will say when it is there."))
        return
    if order.customer_id != actor.id:
        sign_for_seller(document_id=document_id, actor=actor, now=now, **origin)
    elif step == "code":
        begin_signing(document_id=document_id, actor=actor, now=now)
        messages.success(request, _("A code is on its way to your phone. It is good for ten minutes."))
        return
    else:
        sign_by_code(document_id=document_id, code=form.cleaned_data["code"], actor=actor, now=now, **origin)
    messages.success(request, _("The document is signed."))


def _say(error: DomainError) -> str:
    """Say why, and name the fields that lack."""
    labels = {item.path: str(item.label) for item in FIELDS}
    missing = [labels.get(path, path) for path in error.extra.get("fields", ())]
    told = str(wording.order_refusal(error))
    return f"{told} {_('Missing')}: {', '.join(missing)}." if missing else told


@page
@never_cache
@require_GET
@login_required
def order_document(request: HttpRequest, order_id: UUID, document_id: UUID) -> HttpResponse:
    """One issued paper as PDF, with the protocol of its signatures."""
    order = _find_order(request, order_id)
    found = IssuedDocument.objects.filter(pk=document_id, order_id=order.id).first()
    if found is None:
        raise NotFound
    papers = Papers("orders", found.kind, found.pk, order.customer_id)
    content = read_paper(found, is_signed_copy=True)
    named = {"Content-Disposition": f'attachment; filename="{found.id}.pdf"'}
    return hand_over(request, papers, content, "application/pdf", headers=named)
