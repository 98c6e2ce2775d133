"""A borrower's own loan: how it stands, its schedule, paying it, and repaying it before its time."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError, NotFound
from financing import queries, services
from financing.queries import EarlyPlan, LoanPage, PayoffQuote
from financing.queries.documents import TYPES, loan_paper, printed, schedule_svg
from financing.rules.calculations import Strategy
from gateway.access.readings import Papers, hand_over
from storefront.forms.loans import EarlyForm, InstalmentForm, MeansForm, PayoffForm, RepayForm
from storefront.forms.visitors import new_key
from storefront.pages import page
from storefront.visitor import count, send_once, user_id


@dataclass
class _Forms:
    """The forms of a loan's page, and what was worked out by them."""

    instalment: InstalmentForm
    early: EarlyForm
    repay: MeansForm
    payoff: PayoffForm
    plan: EarlyPlan | None = None
    quote: PayoffQuote | None = None

    @property
    def is_wrong(self) -> bool:
        forms = (self.instalment, self.early, self.repay, self.payoff)
        return any(form.is_bound and form.errors for form in forms)


@page
@never_cache
@require_GET
@login_required
def loan(request: HttpRequest, loan_id: UUID) -> HttpResponse:
    """One's own loan; the address may ask what an early repayment would do, or what closes it on a day."""
    found = _found(request, loan_id)
    forms = _forms(found)
    if found.card.is_running and "amount" in request.GET:
        forms.early = EarlyForm(request.GET)
        _try_out(request, loan_id, forms)
    if found.card.is_running and "payoff_day" in request.GET:
        forms.payoff = PayoffForm(request.GET)
        _ask_payoff(request, loan_id, forms)
    return _loan_page(request, found, forms)


def _found(request: HttpRequest, loan_id: UUID) -> LoanPage:
    found = queries.read_loan(loan_id, customer_id=user_id(request), now=timezone.now())
    if found is None:
        raise NotFound
    return found


def _forms(found: LoanPage) -> _Forms:
    today = {"day": found.today, "strategy": "reduce_term"}
    due = found.card.overdue_amount + found.card.penalty_amount or found.card.next_payment
    return _Forms(
        instalment=InstalmentForm(initial={"amount": due}),
        early=EarlyForm(initial=today),
        repay=MeansForm(),
        payoff=PayoffForm(initial={"payoff_day": found.today}),
    )


def _wanted(request: HttpRequest, loan_id: UUID, form: Any) -> dict[str, Any]:
    given = form.cleaned_data
    return {
        "loan_id": loan_id,
        "customer_id": user_id(request),
        "amount": given["amount"],
        "day": given["day"],
        "strategy": Strategy(given["strategy"]),
        "now": timezone.now(),
    }


def _try_out(request: HttpRequest, loan_id: UUID, forms: _Forms) -> None:
    if not forms.early.is_valid():
        return
    try:
        forms.plan = services.preview_early(**_wanted(request, loan_id, forms.early))
    except DomainError as error:
        _refuse(forms.early, error)


def _ask_payoff(request: HttpRequest, loan_id: UUID, forms: _Forms) -> None:
    if not forms.payoff.is_valid():
        return
    day = forms.payoff.cleaned_data["payoff_day"]
    try:
        forms.quote = services.preview_payoff(
            loan_id=loan_id, customer_id=user_id(request), day=day, now=timezone.now()
        )
    except DomainError as error:
        _refuse(forms.payoff, error)


def _refuse(form: Any, error: DomainError) -> None:
    """Financing's own words beside the field they are about; a day that it names `date` has another name here."""
    complaints = getattr(error, "errors", [])
    for complaint in complaints:
        names = [complaint["field"], *(("day", "payoff_day") if complaint["field"] == "date" else ())]
        form.add_error(next((name for name in names if name in form.fields), None), complaint["detail"])
    if not complaints:
        form.add_error(None, str(error.detail))


def _loan_page(request: HttpRequest, found: LoanPage, forms: _Forms, *, status: int = 0) -> HttpResponse:
    context = {
        "loan": found.card,
        "found": found,
        "forms": forms,
        "chart": mark_safe(schedule_svg(found.rows)) if found.rows else "",
        "kinds": list(TYPES),
        "key": new_key(),
    }
    return render(request, "storefront/loan.html", context, status=status or (400 if forms.is_wrong else 200))


@page
@require_POST
@login_required
def pay_loan(request: HttpRequest, loan_id: UUID) -> HttpResponse:
    """Pay towards what is due; the form's key makes a second click harmless."""
    form = InstalmentForm(request.POST)
    return _send(request, loan_id, form, "instalment", lambda: _pay(request, loan_id, form))


@page
@require_POST
@login_required
def repay_early(request: HttpRequest, loan_id: UUID) -> HttpResponse:
    """Repay before time what was tried out; the form's key makes a second click harmless."""
    form = RepayForm(request.POST)
    return _send(request, loan_id, form, "early", lambda: _repay(request, loan_id, form))


def _send(request: HttpRequest, loan_id: UUID, form: Any, name: str, act: Any) -> HttpResponse:
    found = _found(request, loan_id)
    if form.is_valid():
        try:
            count(request, "default")
            return send_once(request, "financing", f"loan {name}", act)
        except DomainError as error:
            _refuse(form, error)
            status = error.status
    else:
        status = 400
    forms = _forms(found)
    setattr(forms, name, form)
    return _loan_page(request, found, forms, status=status)


def _pay(request: HttpRequest, loan_id: UUID, form: InstalmentForm) -> HttpResponse:
    services.pay_loan(
        loan_id=loan_id,
        customer_id=user_id(request),
        amount=form.cleaned_data["amount"],
        means=form.means(),
        actor_id=user_id(request),
        now=timezone.now(),
    )
    messages.success(request, _("Your payment is on its way: follow it here."))
    return redirect("storefront:loan", loan_id)


def _repay(request: HttpRequest, loan_id: UUID, form: RepayForm) -> HttpResponse:
    services.repay_loan_early(**_wanted(request, loan_id, form), means=form.means(), actor_id=user_id(request))
    messages.success(request, _("Your early repayment is on its way: follow it here."))
    return redirect("storefront:loan", loan_id)


@page
@never_cache
@require_GET
@login_required
def loan_file(request: HttpRequest, loan_id: UUID, kind: str) -> HttpResponse:
    """The schedule of one's own loan as a file."""
    found = _found(request, loan_id)
    if kind not in TYPES:
        raise NotFound
    papers = Papers("financing", "loan_schedule", loan_id, user_id(request))
    content = printed(loan_paper(found), kind)
    return hand_over(
        request,
        papers,
        content,
        TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="schedule.{kind}"'},
    )
