"""Read what borrowers type: an application for an order, a payment, an early repayment to try out and to ask for."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from core.screens.numbers import MoneyField, WholeField
from financing.public import PaperKind, ProgrammeChoice
from payments.commands import Means
from storefront.forms.deals import ApplicantForm, named
from storefront.forms.kit import DayField
from storefront.forms.visitors import AccessibleForm, PaymentForm
from storefront.shown.wording import Text

STRATEGIES: list[tuple[str, Text]] = [
    ("reduce_term", _("a shorter term, the same payment")),
    ("reduce_payment", _("a smaller payment, the same term")),
]


class ApplyForm(ApplicantForm):
    """An application for a loan that pays for an order: roubles, months."""

    down_payment = MoneyField(label=_("Paid by myself, ₽"), required=False, min_value=0)
    term_months = WholeField(label=_("Term, months"), min_value=1, max_value=360)
    programme_id = forms.ChoiceField(label=_("Bank"), required=False, choices=())
    key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    field_order = ("down_payment", "term_months", "programme_id")

    def __init__(self, *args: Any, programmes: Sequence[ProgrammeChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._programmes = {str(item.id): item for item in programmes}
        field: Any = self.fields["programme_id"]
        field.choices = [("", _("all banks: I will compare their offers")), *map(named, programmes)]

    def application(self) -> dict[str, Any]:
        """The fields of an application, but for the price: the order says it."""
        given = self.cleaned_data
        chosen = self._programmes.get(given["programme_id"])
        found = self.applicant() | {
            "down_payment": str(given["down_payment"] or 0),
            "term_months": given["term_months"],
            "financing_type": chosen.financing_type if chosen else "car_loan",
        }
        return found | ({"programme_id": str(chosen.id)} if chosen else {})


class PaperForm(AccessibleForm):
    """A paper for an application; what it really is its bytes say."""

    kind = forms.ChoiceField(label=_("What it is"), choices=PaperKind.choices)
    file = forms.FileField(
        label=_("File"), widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,application/pdf"})
    )


class MeansForm(PaymentForm):
    """Means by which a borrower pays: the lending bank may be told to debit their own account with it."""

    besides: ClassVar[dict[str, tuple[Text, Text]]] = {
        "account": (_("My account with the bank"), _("Counts when the bank has debited it.")),
    }
    is_for_car = False

    def means(self) -> Means:
        """The means as financing takes them."""
        return Means(**self.payment())


class InstalmentForm(MeansForm):
    """Money towards what is due, roubles."""

    amount = MoneyField(label=_("Amount, ₽"), min_value=1)


class EarlyForm(AccessibleForm):
    """An early repayment to try out: roubles, on a day, for a shorter term or a smaller payment."""

    amount = MoneyField(label=_("Amount, ₽"), min_value=1)
    day = DayField(label=_("On"))
    strategy = forms.ChoiceField(label=_("What for"), choices=STRATEGIES)


class RepayForm(EarlyForm, MeansForm):
    """An early repayment to ask for."""


class PayoffForm(AccessibleForm):
    """The day a loan is to be closed on."""

    payoff_day = DayField(label=_("Close it on"))
