"""Reason codes as sentences for buyers."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from financing.rules.switches import APPLICATIONS

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
    "switched_off": APPLICATIONS.refusal,
    "cancelled": _("The purchase was cancelled."),
    "bank_refused": _("No bank we asked will lend this."),
    "manual": _("Refused after a review."),
}

RULES = {
    "age": _("age"),
    "term": _("term"),
    "amount": _("amount"),
    "down_payment": _("down payment"),
    "ltv": _("loan to value of the car"),
    "vehicle_age": _("age of the car"),
    "residual": _("residual payment"),
    "employment": _("source of income"),
    "income": _("income"),
    "income_zero": _("income"),
    "dti": _("debt load"),
    "psk_cap": _("ceiling of the full cost of credit"),
    "psk": _("full cost of credit"),
    "lending_share": _("limit of lending this quarter"),
    "incomplete": _("application is whole"),
    "no_programme": _("a programme fits"),
    "switched_off": APPLICATIONS.title,
    "cancelled": _("purchase goes on"),
    "bank_refused": _("answer of the bank"),
    "manual": _("review by a manager"),
}
"""Names of the rules, in a word or two."""
OUTCOMES = {"approve": _("passed"), "reject": _("failed"), "review": _("to be looked at")}
FACTS = {
    "programme_version": _("version of the programme"),
    "annual_rate": _("rate a year, %"),
    "average_payment": _("average payment"),
    "balloon": _("residual payment"),
    "birth_date": _("date of birth"),
    "employment_status": _("source of income"),
    "financed_premium": _("premiums lent"),
    "income": _("income"),
    "is_used": _("used car"),
    "monthly_income": _("income a month"),
    "monthly_obligations": _("debts a month"),
    "monthly_payment": _("payment a month"),
    "order_total": _("total of the order"),
    "premium_lent": _("premiums lent"),
    "fee_lent": _("fees added to the loan"),
    "share_after": _("debt load with this loan"),
    "term_months": _("term, months"),
    "today": _("day of the decision"),
    "vehicle_price": _("price of the car"),
    "vehicle_year": _("year of the car"),
}


def name_fact(name: str) -> str:
    """Name what a decision looked at; what has no name of its own is called by its code in words."""
    return str(FACTS.get(name) or RULES.get(name) or name.replace("_", " "))


def show_fact(value: object) -> str:
    """Write what was found: nothing is a dash, yes and no are words."""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    return "–" if value in (None, "") else str(value)


def explain(reasons: Iterable[str]) -> str:
    """The sentences of some reason codes, one after another."""
    return " ".join(str(REASONS.get(code, code)) for code in reasons)
