"""Show the values of news as people read them: sums, moments and days, and codes by their names."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, get_format
from django.utils.translation import gettext_lazy as _

MOMENTS = frozenset({"expires_at", "until", "offer_expires_at", "start_date", "start_time", "at"})
DAYS = frozenset({"due_date", "end_date", "start_date", "grace_until", "covered_through", "ends_after", "valid_until"})
SUMS = frozenset({"amount", "monthly_payment", "overdue_amount", "total_amount", "premium"})
SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "GBP": "£"}
POLICIES = {"kasko": _("KASKO"), "osago": _("OSAGO")}
LEGS = {
    "stock": _("reservation of the stock"),
    "trade_in": _("trade-in"),
    "loan": _("loan"),
    "payment": _("payment"),
    "policies": _("policies"),
    "disbursement": _("payout of the loan"),
}
CAUSES = {
    "undo_overdue": _("What was done could not be undone within a day."),
    "hold_over": _("The money is here, and the hold of the stock is over."),
    "delivery_parked": _("An answer came that our system could not take in."),
    "refunded_after_handover": _("Money was given back after the handover."),
    "": _("No answer came, or one that a person has to judge."),
}
"""Why a leg waits for a manager; the last one fits all others."""
WORDED: dict[str, dict[str, Any]] = {"insurance_type": POLICIES, "leg": LEGS, "cause": CAUSES}
"""Values that are codes, by what people call them."""


def show_value(name: str, value: Any, zone: str) -> Any:
    """Return a value of an event as people read it, in the language in force; moments on the wall clock of a zone."""
    if value is None:
        return ""
    if name in DAYS and isinstance(value, str) and len(value) == len("2026-01-31"):
        return date_format(date.fromisoformat(value), "j E Y")
    if name in MOMENTS and isinstance(value, str):
        return date_format(datetime.fromisoformat(value).astimezone(ZoneInfo(zone)), "j E Y, H:i")
    if name in SUMS:
        return _shown_sum(str(value))
    if name == "currency":
        return SIGNS.get(value, value)
    if name in WORDED:
        return str(WORDED[name].get(value, WORDED[name].get("", value)))
    return _show_detail(value) if name == "detail" and isinstance(value, str) else value


def _show_detail(value: str) -> str:
    """Return a detail for people: a bare sum as sums are written."""
    amount, _space, currency = value.partition(" ")
    is_sum = currency in SIGNS and amount.replace(".", "", 1).isdigit()
    return f"{_shown_sum(amount)} {SIGNS[currency]}" if is_sum else value


def _shown_sum(value: str) -> str:
    """Return an amount as the shop prints it: «1 316 328,18», kopecks only where there are any.

    The spaces are plain ones: the subject of a mail knows no others. What is no amount stays as it is.
    """
    whole, _point, rest = value.partition(".")
    if not whole.lstrip("-").isdigit():
        return value
    grouped = f"{int(whole):,}".replace(",", " ")
    return f"{grouped}{get_format('DECIMAL_SEPARATOR')}{rest}" if rest.strip("0") else grouped
