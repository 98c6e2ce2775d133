"""Say in words why nobody lends what a calculator asked about."""

from decimal import Decimal

from django.utils import formats
from django.utils.translation import gettext as _

from core.money import DEFAULT_CURRENCY
from core.money.wording import money_text
from financing.rules.decisions import Check, Rules


def word_refused_car(bank: str, refusal: Check) -> str:
    """Say which threshold on the car, or on its price left at the end, a bank's loan does not keep to."""
    told = {"bank": bank, "found": _number(refusal.value), "limit": _number(refusal.limit)}
    said = _(
        "No loan for this car: the residual payment is %(found)s %% of its price, %(bank)s allows at most %(limit)s %%."
    )
    if refusal.code == "vehicle_age":
        said = _(
            "No loan for this car: %(bank)s lends up to an age of %(limit)s at the last payment, it would be %(found)s."
        )
    return said % told


def _number(text: str) -> str:
    return formats.number_format(Decimal(text).normalize())


def word_refused_sums(bank: str, refusal: Check | None, rules: Rules) -> str:
    """Say which sum a bank would not lend, or what it asks for down; roubles and per cent."""
    if refusal is None or refusal.code == "amount":
        least, most = money_text(rules.min_amount, DEFAULT_CURRENCY), money_text(rules.max_amount, DEFAULT_CURRENCY)
        told = {"bank": bank, "least": least, "most": most}
        return _("No loan for these sums: %(bank)s lends %(least)s to %(most)s.") % told
    told = {"bank": bank, "limit": _number(refusal.limit)}
    if refusal.code == "down_payment":
        return _("No loan for these sums: %(bank)s asks for at least %(limit)s %% of the price down.") % told
    return _("No loan for these sums: %(bank)s lends at most %(limit)s %% of the price of the car.") % told
