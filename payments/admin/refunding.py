"""Give a part of a payment back: how much and why, what that comes to, and only then for real."""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from core.errors import DomainError
from core.screens.base import money_text
from core.screens.forms import ScreenForm, show
from core.screens.numbers import MoneyField
from gateway.people.screens import NamesPeople
from payments import services
from payments.admin.steps import name_money
from payments.models import MANUAL, Method, Payment, Refund, RefundStatus

MEANS = {
    Method.CARD: gettext_lazy("to the card it was paid by"),
    Method.SBP: gettext_lazy("to the bank account it came from"),
    Method.CASH: gettext_lazy("in cash: you hand it over, and it is booked at once"),
    Method.BANK_TRANSFER: gettext_lazy("by bank transfer: you send it, and it is booked at once"),
}
"""How money goes back that came by each method."""


class RefundPartForm(ScreenForm):
    """Amount that goes back, and the reason."""

    amount = MoneyField(label=gettext_lazy("amount"), min_value=Decimal("0.01"))
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=255, widget=forms.Textarea)


class RefundScreen(NamesPeople):
    """A screen of payments with a page that gives a part of one back."""

    @action(description=gettext_lazy("Refund a part"), url_path="refund-part", permissions=["refund_part"])
    def refund_part(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how much and why, show what it comes to, then do it: as the payment stood when it was shown."""
        payment = self.get_object(request, object_id)
        if payment is None:
            raise Http404
        left = payment.refundable
        form = RefundPartForm(request.POST) if request.method == "POST" else RefundPartForm(initial={"amount": left})
        foreseen: Refund | None = None
        if request.method == "POST" and form.is_valid():
            seen = request.POST.get("seen", "")
            try:
                if seen.isdecimal() and "change" not in request.POST:
                    return self._refund(request, payment, form, int(seen[:9]))
                foreseen = None if "change" in request.POST else self._foresee(request, payment, form)
            except DomainError as error:
                form.add_error(None, str(error.detail))
        context = {
            "title": _("Refund a part of %(payment)s") % {"payment": name_money(payment)},
            "payment": payment,
            "customer": self.customer(payment),
            "facts": _read_facts(payment),
            "form": form,
            "foreseen": foreseen and _read_foreseen(payment, foreseen),
        }
        return show(self, request, "payments/refund_part", context, status=400 if form.errors else 200)

    def has_refund_part_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether the payment's state allows it is for the service to say."""
        return self.has_view_permission(request)

    def _foresee(self, request: HttpRequest, payment: Payment, form: RefundPartForm) -> Refund:
        return services.foresee_refund(
            payment_id=payment.pk, actor_id=cast(UUID, request.user.pk), now=timezone.now(), **form.cleaned_data
        )

    def _refund(self, request: HttpRequest, payment: Payment, form: RefundPartForm, seen: int) -> HttpResponse:
        refund = services.request_refund(
            payment_id=payment.pk,
            actor_id=cast(UUID, request.user.pk),
            now=timezone.now(),
            expected_version=frozenset({seen}),
            **form.cleaned_data,
        )
        named = {"payment": name_money(payment), "amount": money_text(refund.amount, refund.currency)}
        if refund.status == RefundStatus.REQUESTED:
            said = _("%(payment)s: %(amount)s wait for a second person to agree.") % named
            self.message_user(request, said, messages.WARNING)
        else:
            self.message_user(request, _("%(payment)s: %(amount)s go back.") % named, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:payments_payment_change", args=[payment.pk]))


def foresee_rest(request: HttpRequest, payment: Payment) -> list[str]:
    """Say what a refund of all that is left would come to, or why it is refused."""
    try:
        refund = services.foresee_refund(
            payment_id=payment.pk,
            amount=payment.refundable,
            reason="",
            actor_id=cast(UUID, request.user.pk),
            now=timezone.now(),
        )
    except DomainError as error:
        return [str(error.detail)]
    shown = _read_foreseen(payment, refund)
    lines = [_("%(amount)s go back %(means)s.") % shown]
    if shown["waits"]:
        lines.append(_("It waits for a second person to agree."))
    return lines


def _read_facts(payment: Payment) -> list[tuple[str, str]]:
    sums = (
        (_("amount"), payment.amount),
        (_("went back"), payment.refunded_amount),
        (_("on its way back"), payment.refund_pending),
        (_("left of it"), payment.refundable),
    )
    facts = [(name, money_text(amount, payment.currency)) for name, amount in sums]
    return [(_("method"), payment.get_method_display()), *facts]


def _read_foreseen(payment: Payment, refund: Refund) -> dict[str, Any]:
    """Return the words of the preview: how much by which means, what is left, and who has to agree."""
    return {
        "amount": money_text(refund.amount, refund.currency),
        "left": money_text(payment.refundable - refund.amount, refund.currency),
        "means": MEANS[Method(payment.method)],
        "is_by_hand": payment.provider == MANUAL,
        "waits": refund.status == RefundStatus.REQUESTED,
        "reason": refund.reason,
    }
