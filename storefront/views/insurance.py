"""A buyer's policies: the wallet, one on paper, and reporting a loss under it."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError, NotFound
from core.screens.numbers import MoneyField
from gateway.access.readings import Papers, hand_over
from insurance.public import claim_kinds, list_policies, paper_kinds, printed_policy
from insurance.services import LossReport, add_document, open_claim
from storefront.forms.kit import DayField
from storefront.forms.visitors import new_key
from storefront.pages import page
from storefront.visitor import count, send_once, user_id

MAX_FILES = 10
"""Of one sending; more are sent in another."""


class ClaimForm(forms.Form):
    """Loss reported: what happened, when, and what it may cost."""

    occurred_at = forms.DateTimeField(
        label=gettext_lazy("When it happened"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M"],
    )
    amount = MoneyField(label=gettext_lazy("What the damage may cost, roubles"), min_value=1, max_digits=12)
    kind = forms.ChoiceField(label=gettext_lazy("What kind of loss"), choices=claim_kinds, required=False)
    description = forms.CharField(
        label=gettext_lazy("What happened"), max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
    place = forms.CharField(label=gettext_lazy("Where"), max_length=300, required=False)
    driver_name = forms.CharField(label=gettext_lazy("Who drove"), max_length=100, required=False)
    driver_birth_date = DayField(label=gettext_lazy("The driver's birth date"), required=False)
    key = forms.CharField(max_length=64, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def report(self) -> LossReport:
        """Return what is told besides the sum; what was left out keeps its default."""
        names = ("kind", "place", "driver_name", "driver_birth_date")
        return LossReport(**{name: self.cleaned_data[name] for name in names if self.cleaned_data[name]})


@never_cache
@require_GET
@login_required
def wallet(request: HttpRequest) -> HttpResponse:
    return _wallet(request)


def _wallet(
    request: HttpRequest, form: ClaimForm | None = None, policy_id: UUID | None = None, *, status: int = 200
) -> HttpResponse:
    context = {
        "policies": list_policies(user_id(request)),
        "form": form or ClaimForm(auto_id=False),
        "failed_policy_id": policy_id,
        "key": new_key(),
        "paper_kinds": paper_kinds(),
    }
    return render(request, "storefront/insurance.html", context, status=status)


@page
@never_cache
@require_GET
@login_required
def policy_document(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    content = printed_policy(policy_id, customer_id=user_id(request))
    if content is None:
        raise NotFound
    papers = Papers("insurance", "policy", policy_id, user_id(request))
    return hand_over(request, papers, content, "application/pdf")


@page
@require_POST
@login_required
def report_claim(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """Report a loss; the form's key makes a second click harmless."""
    form = ClaimForm(request.POST, auto_id=False)
    if not form.is_valid():
        return _wallet(request, form, policy_id, status=400)
    try:
        count(request, "default")
        return send_once(request, "insurance", "report claim", lambda: _report(request, policy_id, form))
    except NotFound:
        raise
    except DomainError as error:
        _blame(form, error)
        return _wallet(request, form, policy_id, status=error.status)


def _blame(form: ClaimForm, error: DomainError) -> None:
    """Insurance's own words, beside the field they are about."""
    complaints = getattr(error, "errors", None) or [{"field": "", "detail": str(error.detail)}]
    for complaint in complaints:
        form.add_error(complaint["field"] if complaint["field"] in form.fields else None, complaint["detail"])


def _report(request: HttpRequest, policy_id: UUID, form: ClaimForm) -> HttpResponse:
    given = form.cleaned_data
    open_claim(
        policy_id=policy_id,
        customer_id=user_id(request),
        occurred_at=given["occurred_at"],
        amount=given["amount"],
        description=given["description"],
        report=form.report(),
        now=timezone.now(),
    )
    messages.success(request, _("Your report is in: follow it here."))
    return redirect("storefront:insurance")


@page
@require_POST
@login_required
def add_papers(request: HttpRequest, claim_id: UUID) -> HttpResponse:
    """Add photographs and papers to one's own claim, all of a kind; the same file again changes nothing."""
    files = request.FILES.getlist("files")[:MAX_FILES]
    try:
        count(request, "default")
        for file in files:
            add_document(
                claim_id=claim_id,
                kind=request.POST.get("kind", ""),
                name=file.name or "",
                content=file.read(settings.CLAIM_FILE_MAX_BYTES + 1),
                actor_id=user_id(request),
                customer_id=user_id(request),
                now=timezone.now(),
            )
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        if files:
            messages.success(request, _("Your papers are in."))
        else:
            messages.error(request, _("Choose at least one file."))
    return redirect("storefront:insurance")
