"""Reason codes as sentences for buyers."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

REASONS = {
    "age": _("The age is outside the programme's limits."),
    "term": _("The term is outside the programme's limits."),
    "amount": _("The amount is outside the programme's limits or above the order's total."),
    "down_payment": _("The down payment is too small."),
    "ltv": _("The loan is too large for the value of the car."),
    "vehicle_age": _("The car will be too old by the last payment."),
    "residual": _("The residual payment is too large for the car's age by then."),
    "employment": _("The source of income does not qualify."),
    "income": _("What is left of the income does not cover the payment."),
    "income_zero": _("No income is stated."),
    "dti": _("Too much of the income would go into debts."),
    "psk_cap": _("The full cost of this credit is above the ceiling."),
    "lending_share": _("The bank may lend no more this quarter to borrowers with such a debt load."),
    "incomplete": _("The application is incomplete."),
    "no_programme": _("No bank offers this kind of financing now."),
    "cancelled": _("The purchase was cancelled."),
    "bank_refused": _("No bank we asked will lend this."),
    "manual": _("Refused after a review."),
}


def explain(reasons: Iterable[str]) -> str:
    """The sentences of some reason codes, one after another."""
    return " ".join(str(REASONS.get(code, code)) for code in reasons)
