"""Let goods be paid for all at once, or by a deposit first, under terms that the buyer reads and accepts."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from core.money import money
from core.screens.numbers import MoneyField
from orders.services import DepositTerms, deposit_terms
from storefront.forms.visitors import PaymentForm
from storefront.shown.wording import Text


class GoodsForm(PaymentForm):
    """Means of paying for goods; a deposit is only taken by the version of its terms that the box was ticked for.

    `due` is what has to be paid, where the form knows it: no deposit is larger.
    """

    deposit = MoneyField(label=_("Deposit, ₽"), required=False, min_value=Decimal("0.01"))
    deposit_terms = forms.CharField(max_length=20, required=False)
    time_zone = settings.DEALER_TIME_ZONE

    def __init__(self, *args: Any, due: Decimal | None = None, **kwargs: Any) -> None:
        self.due = due
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Refuse a deposit above the price, or without a tick for the words in force."""
        cleaned = super().clean()
        deposit, due = cleaned.get("deposit"), cleaned.get("expected_total", self.due)
        if deposit is None:
            return cleaned
        if due is not None and deposit > due:
            self.add_error("deposit", _("A deposit is no more than the price."))
        if cleaned.get("deposit_terms") != self.terms.version:
            self.add_error("deposit_terms", _("Read the terms of the deposit and accept them."))
        return cleaned

    @cached_property
    def terms(self) -> DepositTerms:
        """The terms in force, in the visitor's language."""
        return deposit_terms(timezone.now())

    @property
    def is_deposit_open(self) -> bool:
        """Tell whether the part about the deposit is shown opened: it was filled in, or is wrong."""
        return bool(self["deposit"].value() or self["deposit"].errors or self["deposit_terms"].errors)

    @property
    def refusal(self) -> Text:
        """Return what to say above a form that was refused."""
        wrong = [*self["deposit"].errors, *self["deposit_terms"].errors]
        return wrong[0] if wrong else _("Choose how to pay.")

    def means(self) -> dict[str, Any]:
        """The `payment` of an order that is paid at once, or its `deposit`: the rest then is paid from its page.

        A refused card leaves the order and its car held: its page takes another one.
        """
        deposit = self.cleaned_data["deposit"]
        if deposit is None:
            return {"payment": self.payment() | {"on_decline": "hold"}}
        return {
            "deposit": self.payment()
            | {"amount": str(money(deposit)), "terms": self.cleaned_data["deposit_terms"], "on_decline": "hold"}
        }


class BuyForm(GoodsForm):
    """Goods, the price the buyer saw, and a key that makes a second click harmless."""

    expected_total = forms.DecimalField(max_digits=14, decimal_places=2, widget=forms.HiddenInput)
