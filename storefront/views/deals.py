"""The deal calculator: a car with everything around it, calculated live, kept under a link, and ordered from it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.services import publish_agreement
from catalog.public import ProductView, get_product
from core.errors import DomainError, NotFound
from financing.public import programme_choices
from gateway.access.permissions import EmailNotVerified, require_verified_email
from orders.public import DealDocument, deal_document, read_deal, reproduces
from orders.services import order_deal, quote_deal, work_out_deal
from storefront.consents import agreed
from storefront.forms.deals import BorrowForm, DealForm, build_wish
from storefront.forms.deposits import GoodsForm
from storefront.forms.visitors import new_key
from storefront.pages import page
from storefront.shown import wording
from storefront.shown.wording import Text
from storefront.views.cart import accessories
from storefront.visitor import count, get_actor, get_principal, send_once, user_id

SALT = "storefront.deal"
"""A calculation that nobody signed in for is seen by whoever holds its signed link."""


@page
@require_http_methods(["GET", "HEAD", "POST"])
def deal_calculator(request: HttpRequest, product_id: UUID) -> HttpResponse:
    """The calculator of a car, begun with what its address says; a POST keeps what it calculates.

    With `part=result` it only shows it.
    """
    car = _vehicle(product_id)
    is_asked = request.method == "POST"
    form = _form(car, request.POST if is_asked else None, initial=request.GET.dict())
    if not is_asked:
        return _calculator(request, form, status=200)
    if not form.is_valid():
        return _answer(request, form, None, status=400)
    try:
        if request.POST.get("part") == "result":
            return _answer(request, form, deal_document(work_out_deal(**form.wishes(), now=timezone.now())))
        count(request, "default")
        customer_id = user_id(request) if request.user.is_authenticated else None
        deal = quote_deal(**form.wishes(), customer_id=customer_id, now=timezone.now())
    except DomainError as error:
        form.blame(error)
        return _answer(request, form, None, status=400)
    return redirect(build_link(deal.id, customer_id))


def _answer(request: HttpRequest, form: DealForm, deal: DealDocument | None, status: int = 200) -> HttpResponse:
    if request.POST.get("part") == "result":
        context = {"deal": deal, "form": form, "is_estimate": form.is_estimated(deal)}
        return render(request, "storefront/parts/deal_result.html", context, status=status)
    return _calculator(request, form, status=status)


def _calculator(request: HttpRequest, form: DealForm, *, status: int) -> HttpResponse:
    return render(request, "storefront/deal_calculator.html", {"car": form.car, "deal_form": form}, status=status)


def _vehicle(product_id: UUID) -> ProductView:
    car = get_product(product_id)
    if car is None or car.kind != "vehicle":
        raise NotFound
    return car


def _form(car: ProductView, data: Any = None, *, initial: dict[str, Any] | None = None) -> DealForm:
    offered = programme_choices(timezone.now())
    return DealForm(data, car=car, accessories=accessories(), programmes=offered, initial=initial)


def build_link(deal_id: UUID, customer_id: UUID | None) -> str:
    """The address of a kept calculation; without an owner it carries a signature."""
    address = reverse("storefront:deal", args=[deal_id])
    return address if customer_id else f"{address}?key={_signature(deal_id)}"


def _signature(deal_id: UUID) -> str:
    return Signer(salt=SALT).signature(str(deal_id))


def _is_signed(deal_id: UUID, key: str) -> bool:
    """Tell whether today's secret key or a former one signed the link."""
    try:
        Signer(salt=SALT).unsign(f"{deal_id}:{key}")
    except BadSignature:
        return False
    return True


def calculate_again(request: HttpRequest, found: DealDocument) -> HttpResponse | None:
    """Calculate an ordered deal anew, at today's prices; None where its car cannot be had.

    What is not offered any more is left out: accessories by name, a bank's programme for the cheapest that fits.
    """
    car = get_product(found.main_product_id)
    if car is None or car.kind != "vehicle" or not car.is_active or car.available <= 0:
        return None
    wish = build_wish(found)
    offered = {str(item.id) for item in accessories()}
    wish["accessories"] = [one for one in wish["accessories"] if one in offered]
    gone = [line.name for line in found.lines[1:] if str(line.product_id) not in offered]
    if gone:
        messages.error(request, _("Cannot be had any more: %(names)s.") % {"names": ", ".join(gone)})
    if wish.get("programme_id") not in {str(item.id) for item in programme_choices(timezone.now())}:
        wish.pop("programme_id", None)
    form = _form(car, wish)
    if not form.is_valid():
        return _calculator(request, form, status=400)
    try:
        count(request, "default")
        deal = quote_deal(**form.wishes(), customer_id=user_id(request), now=timezone.now())
    except DomainError as error:
        form.blame(error)
        return _calculator(request, form, status=400)
    return redirect(build_link(deal.id, user_id(request)))


@page
@never_cache
@require_GET
def deal(request: HttpRequest, deal_id: UUID) -> HttpResponse:
    """A kept calculation, recalculated from its own snapshot as it is shown."""
    return _deal_page(request, _found(request, deal_id), GoodsForm(), BorrowForm(initial={"banks": "this"}))


def _found(request: HttpRequest, deal_id: UUID) -> DealDocument:
    signed_in = request.user.is_authenticated
    viewer, is_staff = (user_id(request), bool(request.user.is_staff)) if signed_in else (None, False)
    found = read_deal(deal_id, viewer_id=viewer, is_staff=is_staff)
    key = request.POST.get("deal_key") or request.GET.get("key") or ""
    if found is None or (found.customer_id is None and not _is_signed(deal_id, key)):
        raise NotFound
    return found


def _deal_page(
    request: HttpRequest,
    found: DealDocument,
    payment_form: GoodsForm,
    borrow_form: BorrowForm,
    *,
    refusal: Text = "",
    status: int = 200,
) -> HttpResponse:
    car = get_product(found.main_product_id)
    link = build_link(found.id, found.customer_id)
    form = _form(car, initial=build_wish(found)) if car and car.kind == "vehicle" else None
    context = {
        "deal": found,
        "car": car,
        "deal_form": form,
        "is_estimate": form is not None and form.is_estimated(found),
        "is_reproduced": reproduces(found.id),
        "form": payment_form,
        "borrow_form": borrow_form,
        "can_order": car is not None and car.available > 0,
        "is_own": found.customer_id in (None, user_id(request)) if request.user.is_authenticated else True,
        "link": request.build_absolute_uri(link),
        "path": link,
        "deal_key": "" if found.customer_id else _signature(found.id),
        "key": new_key(),
        "refusal": refusal,
    }
    return render(request, "storefront/deal.html", context, status=status)


@page
@require_POST
@login_required
def buy_deal(request: HttpRequest, deal_id: UUID) -> HttpResponse:
    """Order what was calculated, at its sums; the form's key makes a second click lead to the same order."""
    found = _found(request, deal_id)
    payment_form = GoodsForm(request.POST, due=found.result["due_now"])
    borrow_form = BorrowForm(request.POST)
    is_paid_now = found.result["due_now"] > 0
    is_payment_right = not is_paid_now or payment_form.is_valid()
    is_borrower_right = found.loan is None or borrow_form.is_valid()
    if not (is_payment_right and is_borrower_right):
        refusal = _("Something is missing: look below. Nothing was ordered.")
        return _deal_page(request, found, payment_form, borrow_form, refusal=refusal, status=400)
    try:
        count(request, "order_create")
        require_verified_email(get_principal(request))
        return send_once(
            request,
            "orders",
            "deal",
            lambda: _order(request, found, payment_form if is_paid_now else None, borrow_form),
        )
    except EmailNotVerified:
        messages.error(request, _("Please confirm your e-mail first. Nothing was ordered."))
        return redirect("storefront:account")
    except NotFound:
        raise
    except DomainError as error:
        why = wording.deal_refusal(error)
        return _deal_page(request, found, payment_form, borrow_form, refusal=why, status=error.status)


def _order(
    request: HttpRequest, found: DealDocument, payment_form: GoodsForm | None, borrow_form: BorrowForm
) -> HttpResponse:
    order = order_deal(
        deal_id=found.id,
        actor=get_actor(request),
        **(payment_form.means() if payment_form else {}),
        applicant=borrow_form.applicant() if found.loan else None,
        compares_banks=bool(found.loan) and borrow_form.cleaned_data["banks"] == "all",
        now=timezone.now(),
    )
    if found.loan:
        publish_agreement(user_id=user_id(request), agreement=agreed(request, "loan"))
    return redirect("storefront:order", order.id)
