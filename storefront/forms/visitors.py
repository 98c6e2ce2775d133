"""Read what visitors type into the storefront's pages."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.urls import reverse_lazy
from django.utils.dateparse import parse_datetime
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.queries import known_scopes
from core.errors import CardNumberRefused
from core.ids import uuid7
from core.screens.numbers import MoneyField, NumberField, WholeField
from core.secrecy.cards import THINGS, looks_like_card_number
from orders.public import LONGEST_MESSAGE
from storefront.forms.kit import PhoneField, money_slider, slider
from storefront.shown import wording
from storefront.shown.wording import Text


class AccessibleForm(forms.Form):
    """Fields that name their error and help texts to a screen reader; Django does the rest."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Refuse card numbers in whatever people type, as the API does; nothing repeats them."""
        cleaned = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            if name not in THINGS and isinstance(value, str) and looks_like_card_number(value):
                self.add_error(name, forms.ValidationError(CardNumberRefused.detail, code=CardNumberRefused.code))
        return cleaned


class SignInForm(AccessibleForm):
    """E-mail (or user name) and password."""

    email = forms.CharField(
        label=_("E-mail or user name"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "inputmode": "email"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


def agreement_field() -> forms.BooleanField:
    """The box that agrees to the processing of personal data: never ticked beforehand (152-FZ, art. 9)."""
    words = format_lazy(
        '<a href="{}" target="_blank">{}</a>', reverse_lazy("storefront:personal-data"), _("What I agree to")
    )
    return forms.BooleanField(
        label=_("I agree to the processing of my personal data"),
        help_text=words,
        error_messages={"required": _("Without your consent we may not keep what you write here.")},
    )


class MessageForm(AccessibleForm):
    """Words to the other side of an order."""

    text = forms.CharField(
        label=_("Your message"), max_length=LONGEST_MESSAGE, widget=forms.Textarea(attrs={"rows": 3})
    )


class AskForm(AccessibleForm):
    """Whom to call back, and about what."""

    name = forms.CharField(label=_("Your name"), max_length=255, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    phone = PhoneField()
    question = forms.CharField(
        label=_("Your question"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_agreed"] = agreement_field()


class SignUpForm(AccessibleForm):
    """Particulars that a new client tells of themselves."""

    full_name = forms.CharField(
        label=_("Your name"), max_length=300, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    phone = PhoneField(required=False)
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_validators_help_text_html()
        self.fields["is_agreed"] = agreement_field()


_CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "autocapitalize": "none"}


class OtpForm(AccessibleForm):
    """A code of the authenticator, or a recovery code."""

    otp = forms.CharField(label=_("Code"), max_length=32, widget=forms.TextInput(attrs=_CODE))


class CodeForm(OtpForm):
    """The second step of signing in."""

    mfa_token = forms.CharField(max_length=256, widget=forms.HiddenInput)


class ProofForm(AccessibleForm):
    """Proof of who is looking, once more: by password, or by a code where there is an authenticator."""

    password = forms.CharField(
        label=_("Password"),
        max_length=256,
        strip=False,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    otp = forms.CharField(
        label=_("Or a code of your authenticator"),
        max_length=32,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, has_password: bool, has_factor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_password:
            del self.fields["password"]
        if not has_factor:
            del self.fields["otp"]


class ForgottenForm(AccessibleForm):
    """Account whose password is forgotten."""

    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class VerifyForm(AccessibleForm):
    """The token of a mailed link."""

    token = forms.CharField(max_length=1024, widget=forms.HiddenInput)


class NewPasswordForm(VerifyForm):
    """A new password, by a mailed link."""

    new_password = forms.CharField(
        label=_("New password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class PasswordForm(AccessibleForm):
    """A new password, by the old one."""

    old_password = forms.CharField(
        label=_("Present password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=_("New password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class LeaveForm(AccessibleForm):
    """The password, once more, before an account is erased."""

    old_password = forms.CharField(
        label=_("Your password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "id": "id_leave_password"}),
    )


class ProfileForm(AccessibleForm):
    """Particulars that a person may change about themselves."""

    full_name = forms.CharField(label=_("Your name"), max_length=300, required=False)
    email = forms.EmailField(label=_("E-mail"), max_length=254)
    phone = PhoneField(required=False)


class ApiKeyForm(AccessibleForm):
    """A key for a program."""

    name = forms.CharField(label=_("What it is for"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), choices=[(scope, scope) for scope in known_scopes()], widget=forms.SelectMultiple
    )


class PaymentForm(AccessibleForm):
    """Means of paying. Where there is no test card, the provider asks for one on its own page."""

    method = forms.ChoiceField(
        error_messages={"required": _("Choose how to pay."), "invalid_choice": _("Choose how to pay.")}
    )
    token = forms.ChoiceField(label=_("Test card"), required=False, choices=())
    key = forms.CharField(max_length=64, required=False)
    besides: ClassVar[dict[str, tuple[Text, Text]]] = {}
    """Ways to pay that only this form takes; they stand first."""
    is_for_car = True
    """Whether the notes beside the ways are shown: they speak of a car that is held."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choice(self, "method").choices = [(method, name) for method, (name, _note) in self._offered.items()]
        if has_test_cards():
            _choice(self, "token").choices = list(wording.TEST_CARDS.items())
        else:
            del self.fields["token"]

    @property
    def method_choices(self) -> list[dict[str, Any]]:
        """The methods as radio buttons: the first one is chosen until the buyer says otherwise."""
        offered = self._offered
        chosen = self["method"].value() or next(iter(offered))
        return [
            {"value": method, "name": name, "note": note if self.is_for_car else "", "is_chosen": method == chosen}
            for method, (name, note) in offered.items()
        ]

    @property
    def _offered(self) -> dict[str, tuple[Text, Text]]:
        offered = self.besides | wording.METHODS
        return offered if has_test_cards() else offered | {"card": wording.CARD_ON_PAGE}

    def payment(self) -> dict[str, Any]:
        """The `payment` of an order, as the API takes it."""
        method = self.cleaned_data["method"]
        if method != "card" or not has_test_cards():
            return {"method": method}
        return {"method": method, "token": self.cleaned_data.get("token") or "tok_success"}


class PremiumForm(PaymentForm):
    """Means of paying for a policy."""

    is_for_car = False


class DriveForm(AccessibleForm):
    """A time for a test drive, chosen first and sent by a button of its own, and how to reach the driver."""

    start = forms.CharField(label=_("Time"), max_length=40, error_messages={"required": _("Choose a time.")})
    phone = PhoneField(required=False)

    def clean_start(self) -> datetime:
        start = parse_datetime(self.cleaned_data["start"])
        if start is None or start.tzinfo is None:
            raise forms.ValidationError(_("Choose a time."))
        return start


class SeatForm(PaymentForm):
    """Means of paying for a seat."""

    is_for_car = False


class QuantityForm(forms.Form):
    """Quantity of a product."""

    quantity = forms.IntegerField(min_value=0, max_value=1000)


def _choice(form: forms.Form, name: str) -> Any:
    return form.fields[name]


def has_test_cards() -> bool:
    """Tell whether cards of the sandbox bank are offered by name."""
    return settings.DEBUG and settings.PAYMENT_PROVIDER == "sandbox"


def new_key() -> UUID:
    """A fresh key for a form that must act once."""
    return uuid7()


class LoanForm(AccessibleForm):
    """Terms of a loan to calculate: roubles, months, per cent a year."""

    vehicle_price = MoneyField(label=_("Price of the car, ₽"), widget=money_slider(100_000, 20_000_000))
    down_payment = MoneyField(label=_("Down payment, ₽"), widget=money_slider(0, 20_000_000))
    term_months = WholeField(label=_("Term, months"), min_value=1, max_value=360, widget=slider(3, 96, "1"))
    annual_rate = NumberField(
        label=_("Rate, % a year"), max_digits=8, decimal_places=4, min_value=0, widget=slider(0, 40, "0.1")
    )
    schedule = forms.ChoiceField(
        label=_("Payments"),
        choices=[("annuity", _("level payments")), ("differentiated", _("equal parts of the principal"))],
    )
