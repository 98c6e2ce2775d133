"""The loan calculator: sliders, the schedule, its picture, and the same as files to keep."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from core.errors import InvalidInput, NotFound
from financing.queries import quote_loan
from financing.queries.documents import TYPES, Paper, printed, quote_paper, schedule_svg
from financing.rules.calculations import LoanQuote
from storefront.forms.visitors import LoanForm
from storefront.pages import page

PRICE, SHARE_PAID = Decimal(1_500_000), Decimal("0.2")


@require_safe
def calculator(request: HttpRequest) -> HttpResponse:
    """The page, or with `?part=result` the part of it that the sliders replace."""
    form = LoanForm(_asked(request))
    quote = _quote(form)
    context: dict[str, Any] = {
        "form": form,
        "quote": quote,
        "chart": mark_safe(schedule_svg(quote.schedule)) if quote else "",
        "query": request.GET.urlencode(),
        "kinds": list(TYPES),
    }
    is_part = request.GET.get("part") == "result"
    template = "storefront/parts/loan_result.html" if is_part else "storefront/calculator.html"
    return render(request, template, context, status=200 if quote else 400)


@page
@require_safe
def calculator_file(request: HttpRequest, kind: str) -> HttpResponse:
    """The schedule as a file."""
    quote = _quote(LoanForm(_asked(request)))
    if kind not in TYPES or quote is None:
        raise NotFound
    return schedule_file(quote_paper(quote), kind)


def schedule_file(paper: Paper, kind: str) -> HttpResponse:
    """A schedule to download."""
    response = HttpResponse(printed(paper, kind), content_type=TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="schedule.{kind}"'
    return response


def _asked(request: HttpRequest) -> dict[str, str]:
    """Return what the address says, completed: a price alone, as a car's page gives it, is enough."""
    asked = {name: str(value) for name, value in request.GET.items()}
    asked.setdefault("vehicle_price", str(PRICE))
    try:
        price = Decimal(asked["vehicle_price"])
        paid = str((price * SHARE_PAID).quantize(Decimal(1)) if price.is_finite() else price)
    except ArithmeticError:
        paid = "0"
    return {"down_payment": paid, "term_months": "60", "annual_rate": "14.9", "schedule": "annuity"} | asked


def _quote(form: LoanForm) -> LoanQuote | None:
    """The quote, or None with the complaints beside their fields."""
    if not form.is_valid():
        return None
    try:
        return quote_loan(**form.cleaned_data, now=timezone.now())
    except InvalidInput as error:
        for complaint in error.errors:
            field = complaint["field"] if complaint["field"] in form.fields else None
            form.add_error(field, complaint["detail"])
        return None
