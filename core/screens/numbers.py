"""Read numbers and money as people write them, in whichever language they read the page."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext_lazy as _

NBSP = "\u00a0"
SPACES = re.compile(r"[\s'’_]+")
CURRENCY = re.compile(r"(₽|р\.|р|руб\.?|рубл\w+|rub|roubles?|rubles?)\Z", re.IGNORECASE)
MULTIPLES: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"(тыс\.?|тысяч\w?|к|k|thousand)\Z", re.IGNORECASE), 1_000),
    (re.compile(r"(млн\.?|миллион\w*|m|mln|million)\Z", re.IGNORECASE), 1_000_000),
)
MACHINE = re.compile(r"\d+\.\d{2}", re.ASCII)
"""An amount as the site's own links and hidden boxes carry it."""


def read_number(text: str) -> Decimal:
    """Return a number typed as people type it: «150 000», "150,000.50", «1500,5». Raises ValueError.

    Groups of three behind one kind of separator are thousands; two kinds, or fewer digits behind it, make the last
    one the decimal sign.
    """
    digits = SPACES.sub("", text)
    signs = [sign for sign in ",." if sign in digits]
    if len(signs) == 2:
        decimal = max(signs, key=digits.rindex)
        whole, _sign, rest = digits.rpartition(decimal)
        digits = f"{re.sub(r'[,.]', '', whole)}.{rest}"
    elif signs:
        is_grouped = re.fullmatch(rf"[-+]?[1-9]\d{{0,2}}(\{signs[0]}\d{{3}})+", digits)
        digits = digits.replace(signs[0], "" if is_grouped else ".")
    if not re.fullmatch(r"[-+]?\d+(\.\d+)?", digits, re.ASCII):
        raise ValueError(text)
    return Decimal(digits)


def read_money(text: str) -> Decimal:
    """Return an amount typed as people type it: «150 000 ₽», «1,5 млн», "300k". Raises ValueError."""
    bare = CURRENCY.sub("", SPACES.sub("", text))
    for pattern, multiple in MULTIPLES:
        shorter = pattern.sub("", bare)
        if shorter != bare:
            if not re.fullmatch(r"\d+([.,]\d+)?", shorter, re.ASCII):
                raise ValueError(text)
            return Decimal(shorter.replace(",", ".")) * multiple
    return read_number(bare)


def shown_number(number: Decimal, *, is_grouped: bool) -> str:
    """Return a number for a box: groups of three where it is money, the reader's decimal sign, no idle zeros."""
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    whole, _dot, rest = plain.partition(".")
    shown = f"{int(whole):,}".replace(",", NBSP) if is_grouped else whole
    return shown + (formats.get_format("DECIMAL_SEPARATOR") + rest if rest else "")


class NumberField(forms.DecimalField):
    """A number in a text box: a spinner would change it by accident, and understands one language's comma only."""

    widget: Any = forms.TextInput
    is_grouped: ClassVar[bool] = False
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("Write a number, such as 14.9.")}

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        if value in self.empty_values or not isinstance(value, str):
            return super().to_python(value)
        try:
            return super().to_python(str(self.read(value)))
        except (ValueError, InvalidOperation):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None

    def read(self, text: str) -> Decimal:
        """Return what was typed. Raises ValueError."""
        return read_number(text)

    def prepare_value(self, value: Any) -> Any:
        """Show a number, or what a program wrote of one, as the reader writes it; what was typed stays as it is."""
        is_typed = isinstance(value, str) and not MACHINE.fullmatch(value)
        if is_typed or value in self.empty_values or isinstance(self.widget, forms.HiddenInput):
            return value
        number = Decimal(value)
        return shown_number(number, is_grouped=self.is_grouped) if number.is_finite() else value

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"inputmode": "decimal", "autocomplete": "off"}


class MoneyField(NumberField):
    """An amount in roubles, written as the site itself prints it, or shorter."""

    is_grouped = True
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("Write an amount, such as 150 000 or 1.5 million.")
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 14, "decimal_places": 2} | options)

    def read(self, text: str) -> Decimal:
        return read_money(text)

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"data-money": ""}


class WholeField(forms.IntegerField):
    """A whole number that may be written in groups of three: «50 000»."""

    widget: Any = forms.TextInput

    def to_python(self, value: Any) -> int | None:
        return super().to_python(SPACES.sub("", value) if isinstance(value, str) else value)

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"inputmode": "numeric", "autocomplete": "off"}
