"""The form of a whole deal around one car, and what it asks of orders, financing and insurance."""

from collections.abc import Sequence
from decimal import ROUND_UP, Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from catalog.public import ProductView
from core.errors import DomainError
from core.money import ZERO
from core.screens.numbers import MoneyField, NumberField, WholeField
from core.vin import VIN_LENGTH, is_vin
from financing.public import ProgrammeChoice
from orders.public import DealDocument
from orders.services import LoanWish
from storefront.forms.insurance import INSTALMENTS
from storefront.forms.kit import DayField, money_slider, slider
from storefront.forms.visitors import AccessibleForm, agreement_field
from storefront.shown import wording
from storefront.templatetags.storefront import money, plain

SHARE_PAID, TERM_MONTHS = Decimal("0.2"), 60
DEDUCTIBLES = ("0", "10000", "20000", "30000", "50000")


class DealForm(AccessibleForm):
    """A car with accessories, the old car, a loan and policies: roubles, months.

    What the car's card does not say of it (VIN, year, power) is asked for when a policy is wanted.
    """

    accessories = forms.MultipleChoiceField(
        label=_("Accessories"), required=False, widget=forms.CheckboxSelectMultiple, choices=()
    )
    trade_in = MoneyField(label=_("Trade-in value, ₽"), required=False, min_value=0)
    has_loan = forms.BooleanField(label=_("On credit"), required=False)
    down_payment = MoneyField(label=_("Down payment, ₽"), required=False, min_value=0)
    term_months = WholeField(
        label=_("Term, months"), required=False, min_value=1, max_value=360, widget=slider(3, 96, "1")
    )
    programme_id = forms.ChoiceField(label=_("Bank"), required=False, choices=())
    lends_premiums = forms.BooleanField(label=_("The loan pays for the policies too"), required=False)
    has_kasko = forms.BooleanField(label=_("KASKO: damage and theft"), required=False)
    deductible = forms.ChoiceField(label=_("Deductible of KASKO, ₽"), required=False, choices=())
    instalments = forms.ChoiceField(label=_("How KASKO is paid"), required=False, choices=INSTALMENTS)
    has_osago = forms.BooleanField(label=_("OSAGO: liability, required by law"), required=False)
    region = forms.CharField(
        label=_("Where the car is registered"), required=False, max_length=100, widget=forms.TextInput
    )
    birth_date = DayField(
        label=_("Driver's birth date"),
        required=False,
        help_text=_("Without a driver anybody may drive, which costs more."),
    )
    licence_since = DayField(label=_("Licence since"), required=False)
    vehicle_vin = forms.CharField(label=_("VIN of the car"), required=False, max_length=VIN_LENGTH)
    vehicle_year = WholeField(label=_("Year of the car"), required=False)
    engine_power = NumberField(label=_("Engine power, hp"), required=False, max_digits=6, decimal_places=1)

    def __init__(
        self,
        data: Any = None,
        *,
        car: ProductView,
        accessories: Sequence[ProductView] = (),
        programmes: Sequence[ProgrammeChoice] = (),
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=first_wish(car) | (initial or {}))
        self.car, self.programmes = car, {str(item.id): item for item in programmes}
        fields: Any = self.fields
        fields["accessories"].choices = [
            (str(item.id), format_lazy("{} · {}", item.name, money(item.price, item.currency))) for item in accessories
        ]
        fields["programme_id"].choices = [("", _("the cheapest that fits")), *map(named, programmes)]
        fields["deductible"].choices = [(sum_, money(Decimal(sum_))) for sum_ in DEDUCTIBLES]
        most = max(int(car.price), 10_000)
        for name in ("trade_in", "down_payment"):
            fields[name].widget = money_slider(0, most)
        self._drop_what_is_known()

    def _drop_what_is_known(self) -> None:
        known = {
            "vehicle_vin": is_vin(self.car.vin),
            "vehicle_year": self.car.year is not None,
            "engine_power": self.car.power_hp is not None,
            "accessories": not _choices(self, "accessories"),
            "programme_id": not self.programmes,
        }
        for name, is_known in known.items():
            if is_known:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("has_loan") and "term_months" not in self.errors and given.get("term_months") is None:
            self.add_error("term_months", _("Say for how many months."))
        is_insured = given.get("has_kasko") or given.get("has_osago")
        for name in ("vehicle_vin", "vehicle_year", "engine_power"):
            if is_insured and name in self.fields and name not in self.errors and not given.get(name):
                self.add_error(name, _("A policy cannot be calculated without it."))
        if bool(given.get("birth_date")) != bool(given.get("licence_since")) and is_insured:
            missing = "licence_since" if given.get("birth_date") else "birth_date"
            if missing not in self.errors:
                self.add_error(missing, _("Of a driver both dates are needed."))
        return given

    def wishes(self) -> dict[str, Any]:
        """Return what a valid form asks of the deal calculator."""
        given = self.cleaned_data
        items = [(self.car.id, 1), *((UUID(chosen), 1) for chosen in given.get("accessories") or ())]
        return {
            "items": items,
            "trade_in_amount": given["trade_in"] or ZERO,
            "loan": self._loan() if given["has_loan"] else None,
            "insurance": self._policies(),
        }

    def is_estimated(self, deal: DealDocument | None) -> bool:
        """Tell whether a bank that is only connected has the last word about the loan's figures."""
        chosen = self.programmes.get(str(deal.loan.programme_id)) if deal is not None and deal.loan else None
        return chosen is not None and chosen.is_estimate

    def _loan(self) -> LoanWish:
        given = self.cleaned_data
        chosen = self.programmes.get(given.get("programme_id") or "")
        return LoanWish(
            term_months=given["term_months"],
            down_payment=given["down_payment"] or ZERO,
            programme_id=chosen.id if chosen else None,
            financing_type=chosen.financing_type if chosen else "car_loan",
            is_insurance_financed=given["lends_premiums"],
        )

    def _policies(self) -> list[dict[str, Any]]:
        given, car = self.cleaned_data, self.car
        common: dict[str, Any] = {
            "vehicle_make": car.make or car.name[:100],
            "vehicle_model": car.model or car.name[:100],
            "vehicle_year": given.get("vehicle_year") or car.year,
            "vehicle_vin": given.get("vehicle_vin") or car.vin,
            "engine_power": str(given.get("engine_power") or car.power_hp),
            "region": given["region"],
        }
        if given["birth_date"] and given["licence_since"]:
            driver = {"birth_date": str(given["birth_date"]), "licence_since": str(given["licence_since"])}
            common["drivers"] = [driver]
        policies = []
        if given["has_kasko"]:
            worth = {"coverage_amount": str(car.price), "vehicle_value": str(car.price)}
            terms = {"deductible": given["deductible"] or "0", "instalments": int(given["instalments"] or 1)}
            policies.append(common | worth | terms | {"insurance_type": "kasko"})
        if given["has_osago"]:
            policies.append(common | {"insurance_type": "osago"})
        return policies

    def blame(self, error: DomainError) -> None:
        """Put a refusal beside the field it is about: a service names fields by their path in the request."""
        for complaint in getattr(error, "errors", []):
            name = complaint["field"].rpartition(".")[2]
            self.add_error(name if name in self.fields else None, complaint["detail"])
        if not getattr(error, "errors", []):
            self.add_error(None, wording.REFUSALS.get(error.code) or str(error.detail))


def first_payment(price: Decimal) -> Decimal:
    """Return a fifth of a price in whole roubles, rounded up: a kopeck less is less than banks ask for."""
    return (price * SHARE_PAID).quantize(Decimal(1), ROUND_UP)


def first_wish(car: ProductView) -> dict[str, Any]:
    """Return what the calculator begins with: a fifth down, the rest over five years."""
    return {
        "trade_in": ZERO,
        "has_loan": True,
        "down_payment": first_payment(car.price),
        "term_months": TERM_MONTHS,
        "deductible": "0",
    }


def build_wish(deal: DealDocument) -> dict[str, Any]:
    """A stored deal as the form that leads to it again."""
    found: dict[str, Any] = {
        "accessories": [str(line.product_id) for line in deal.lines[1:]],
        "trade_in": deal.trade_in_amount,
        "has_loan": deal.loan is not None,
    }
    if deal.loan is not None:
        found |= {
            "down_payment": deal.loan.down_payment,
            "term_months": deal.loan.term_months,
            "programme_id": str(deal.loan.programme_id),
            "lends_premiums": deal.loan.is_insurance_lent,
        }
    for premium in deal.premiums:
        request = premium.request
        found[f"has_{premium.insurance_type}"] = True
        found |= {name: request[name] for name in _ASKED if request.get(name)}
        found |= (request.get("drivers") or [{}])[0]
    return found


_ASKED = ("region", "deductible", "instalments", "vehicle_vin", "vehicle_year", "engine_power")


class ApplicantForm(AccessibleForm):
    """Questions of a bank to a borrower: roubles a month."""

    employment_status = forms.ChoiceField(
        label=_("Where your income comes from"), choices=list(wording.EMPLOYMENT.items())
    )
    monthly_income = MoneyField(label=_("Income a month, ₽"), min_value=0)
    monthly_obligations = MoneyField(label=_("Payments of other debts a month, ₽"), required=False, min_value=0)
    birth_date = DayField(label=_("Your birth date"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_agreed"] = agreement_field()

    def applicant(self) -> dict[str, Any]:
        """The borrower's fields of an application."""
        given = self.cleaned_data
        found = {
            "employment_status": given["employment_status"],
            "monthly_income": str(given["monthly_income"]),
            "monthly_obligations": str(given["monthly_obligations"] or ZERO),
        }
        return found | ({"birth_date": str(given["birth_date"])} if given["birth_date"] else {})


class BorrowForm(ApplicantForm):
    """A borrower, and whom to ask: the bank of the deal, or all of them."""

    banks = forms.ChoiceField(
        label=_("Banks to apply to"),
        choices=[
            ("this", _("this bank; take its offer at once if it is as calculated")),
            ("all", _("all banks; I will compare their offers and choose")),
        ],
    )


def _choices(form: forms.Form, name: str) -> Any:
    field: Any = form.fields[name]
    return field.choices


def named(item: ProgrammeChoice) -> tuple[str, Any]:
    """A programme as an option: bank, name, its best rate in per cent a year, terms; whether it is an estimate."""
    words = {
        "bank": item.bank,
        "name": item.name,
        "rate": plain(item.least_rate),
        "least": item.min_term_months,
        "most": item.max_term_months,
    }
    told = _("%(bank)s: %(name)s, from %(rate)s %%, %(least)s–%(most)s months") % words
    return str(item.id), format_lazy("{} ({})", told, _("estimate")) if item.is_estimate else told
