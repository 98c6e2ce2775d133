"""What borrowers type: a payment, an early repayment to try out and to ask for."""

from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from financing.services import LoanMeans
from storefront.forms import AccessibleForm, PaymentForm
from storefront.wording import Text

_DAY = {"type": "date"}
STRATEGIES: list[tuple[str, Text]] = [
    ("reduce_term", _("a shorter term, the same payment")),
    ("reduce_payment", _("a smaller payment, the same term")),
]


class MeansForm(PaymentForm):
    """How a borrower pays: the lending bank may debit their own account with it."""

    besides: ClassVar[dict[str, tuple[Text, Text]]] = {
        "account": (_("Account at the bank"), _("The bank takes it from your account with it.")),
    }

    def means(self) -> LoanMeans:
        """The means as financing takes them."""
        given = self.payment()
        return LoanMeans(given["method"], given.get("token", ""))


class InstalmentForm(MeansForm):
    """Money towards what is due, roubles."""

    amount = forms.DecimalField(label=_("Amount, ₽"), min_value=1, max_digits=14, decimal_places=2)


class EarlyForm(AccessibleForm):
    """An early repayment to try out: roubles, on a day, for a shorter term or a smaller payment."""

    amount = forms.DecimalField(label=_("Amount, ₽"), min_value=1, max_digits=14, decimal_places=2)
    day = forms.DateField(label=_("On"), widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"))
    strategy = forms.ChoiceField(label=_("What for"), choices=STRATEGIES)


class RepayForm(EarlyForm, MeansForm):
    """An early repayment to ask for."""


class PayoffForm(AccessibleForm):
    """The day a loan is to be closed on."""

    payoff_day = forms.DateField(label=_("Close it on"), widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"))
