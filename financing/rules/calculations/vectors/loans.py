"""Answers to vectors about payments, schedules, dates and early repayment."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from financing.rules.calculations.arrears import late_penalty
from financing.rules.calculations.dates import MonthEnd, Shift, WorkCalendar, add_months, due_dates
from financing.rules.calculations.daycount import interest_factors
from financing.rules.calculations.early import Debt, Strategy, payoff_quote
from financing.rules.calculations.leasing import ZeroInterestOffer, dealer_contribution
from financing.rules.calculations.rates import period_rate
from financing.rules.calculations.rounding import TO_KOPECK, UNROUNDED, ZERO, Rounding
from financing.rules.calculations.schedule import (
    Credit,
    Row,
    Schedule,
    annuity_payment,
    annuity_schedule,
    differentiated_schedule,
    first_differentiated_payment,
    fixed_payment_schedule,
    level_payment,
    rate_step_payments,
    stepped_payments,
)
from financing.rules.calculations.vectors.reading import (
    NUMBER,
    chosen,
    day,
    day_count,
    days,
    number,
    payment_rounding,
    read_rate,
    rounding,
    write_row,
)
from financing.rules.calculations.vectors.registry import Inputs, answers

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _factors(inputs: Inputs, count: int) -> list[Decimal]:
    """Factors by dates and day count where both are given, else equal periods."""
    if inputs.get("due_dates") and inputs.get("day_count"):
        basis = day_count(inputs["day_count"])
        return interest_factors(number(inputs["annual_rate"]), day(inputs["disbursed"]), _due(inputs), basis)
    return [read_rate(inputs)] * count


def _due(inputs: Inputs) -> tuple[Any, ...]:
    return days(inputs.get("due_dates") or ())


def _count(inputs: Inputs) -> int:
    return int(inputs.get("payments") or len(_due(inputs)))


def _credit(inputs: Inputs, **more: Any) -> Credit:
    count = _count(inputs)
    return Credit(
        principal=number(inputs["principal"]),
        factors=_factors(inputs, count),
        due_dates=_due(inputs),
        fees=[number(inputs.get("flat_fee_per_payment") or 0)] * count,
        interest_rounding=rounding(inputs, "interest_rounding"),
        payment_rounding=payment_rounding(inputs),
        **more,
    )


def _rows(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "rows": [write_row(row) for row in rows],
        "total_interest": sum((row.interest for row in rows), ZERO),
        "total_payment": sum((row.payment for row in rows), ZERO),
        "last_payment_absorbs_residue": not rows[-1].balance,
    }


def _regular_payment(inputs: Inputs, count: int) -> Decimal:
    given = inputs.get("payment_without_fee") or inputs.get("payment")
    if given:
        return number(given)
    rounded = payment_rounding(inputs)
    return annuity_payment(number(inputs["principal"]), read_rate(inputs), count, rounding=rounded)


def _fixed(inputs: Inputs) -> Schedule:
    return fixed_payment_schedule(_credit(inputs), _regular_payment(inputs, _count(inputs)))


@answers("annuity_payment")
def _annuity_payment(inputs: Inputs) -> dict[str, Any]:
    principal, rounded = number(inputs["principal"]), rounding(inputs)
    return {"payment": annuity_payment(principal, read_rate(inputs), int(inputs["payments"]), rounding=rounded)}


@answers("annuity_total_interest")
def _annuity_total_interest(inputs: Inputs) -> dict[str, Any]:
    principal = number(inputs["principal"])
    if inputs.get("payment") or inputs.get("interest_rounding"):
        interest = _fixed(inputs).total_interest
    else:
        interest = _regular_payment(inputs, _count(inputs)) * _count(inputs) - principal
    return {"total_interest": rounding(inputs)(interest), "total_payable": rounding(inputs)(principal + interest)}


@answers("amortization_range")
def _amortization_range(inputs: Inputs) -> dict[str, Any]:
    rows = _fixed(inputs).rows[: int(inputs["to_payment"])]
    chosen = rows[int(inputs["from_payment"]) - 1 :]
    sums = (sum((getattr(row, part) for row in chosen), ZERO) for part in ("interest", "principal"))
    return dict(zip(("interest_sum", "principal_sum"), map(TO_KOPECK, sums), strict=True)) | {
        "balance": TO_KOPECK(rows[-1].balance)
    }


@answers("schedule_annuity")
def _schedule_annuity(inputs: Inputs) -> dict[str, Any]:
    schedule = _fixed(inputs)
    return _rows(schedule.rows) | {"payment": schedule.payment}


@answers("schedule_annuity_uneven")
def _schedule_annuity_uneven(inputs: Inputs) -> dict[str, Any]:
    schedule = annuity_schedule(_credit(inputs))
    return _rows(schedule.rows) | {"payment": schedule.payment}


@answers("schedule_interest_only")
def _schedule_interest_only(inputs: Inputs) -> dict[str, Any]:
    schedule = annuity_schedule(_credit(inputs, interest_only=int(inputs["interest_only_payments"])))
    return _rows(schedule.rows) | {"payment_after_grace": schedule.payment}


@answers("schedule_differentiated")
def _schedule_differentiated(inputs: Inputs) -> dict[str, Any]:
    return _rows(differentiated_schedule(_credit(inputs)).rows)


@answers("schedule_zero_interest")
def _schedule_zero_interest(inputs: Inputs) -> dict[str, Any]:
    rows = annuity_schedule(_credit(inputs)).rows
    return {"payments": [row.payment for row in rows], "balances": [row.balance for row in rows]}


@answers("interest_only_payment")
def _interest_only_payment(inputs: Inputs) -> dict[str, Any]:
    return {"payment": rounding(inputs)(number(inputs["principal"]) * read_rate(inputs))}


@answers("balloon_payment")
def _balloon_payment(inputs: Inputs) -> dict[str, Any]:
    balloon = number(inputs["balloon"])
    due = {r"together|with the last": True, r"apart|after|one period|later|alone|separate": False}
    together = chosen(inputs, "balloon_due", due, default=True)
    payment = annuity_payment(
        number(inputs["principal"]),
        read_rate(inputs),
        int(inputs["payments"]),
        balloon=balloon,
        balloon_apart=not together,
        rounding=rounding(inputs),
    )
    return {"payment": payment, "last_payment": payment + balloon if together else balloon}


def _payment_in_words(inputs: Inputs) -> Decimal:
    """Read a payment that is a number, or words such as "level payment, unrounded"."""
    text = str(inputs.get("payment") or "")
    if NUMBER.fullmatch(text):
        return number(text)
    spoken = {r"unrounded|not rounded|no rounding|exact|full precision": UNROUNDED, r"level|rounded": Rounding()}
    rounded = chosen(inputs, "payment", spoken, payment_rounding(inputs))
    count = int(inputs["amortization_payments"])
    return annuity_payment(number(inputs["principal"]), read_rate(inputs), count, rounding=rounded)


@answers("balloon_balance")
def _balloon_balance(inputs: Inputs) -> dict[str, Any]:
    made = int(inputs["payments_made"])
    factors = [read_rate(inputs)] * made
    if inputs.get("start_date") and inputs.get("day_count"):
        start, months = day(inputs["start_date"]), 12 // int(inputs.get("payments_per_year") or 12)
        due = due_dates(add_months(start, months), made, every=months)
        factors = interest_factors(number(inputs["annual_rate"]), start, due, day_count(inputs["day_count"]))
    # One period more than was paid: the last row would take the whole balance.
    credit = Credit(
        principal=number(inputs["principal"]),
        factors=[*factors, ZERO],
        interest_rounding=rounding(inputs, "interest_rounding"),
    )
    rows = fixed_payment_schedule(credit, _payment_in_words(inputs)).rows
    return {"balance_after": TO_KOPECK(rows[made - 1].balance)}


@answers("differentiated_first_payment")
def _differentiated_first_payment(inputs: Inputs) -> dict[str, Any]:
    payment = first_differentiated_payment(number(inputs["principal"]), read_rate(inputs), int(inputs["payments"]))
    return {"first_payment": payment}


@answers("differentiated_totals")
def _differentiated_totals(inputs: Inputs) -> dict[str, Any]:
    principal, count = number(inputs["principal"]), int(inputs["payments"])
    part, rate = principal / count, number(inputs["period_rate"])
    payments = [part + (principal - part * paid) * rate for paid in range(count)]
    return {"sum_all": TO_KOPECK(sum(payments, ZERO)), "sum_first_12": TO_KOPECK(sum(payments[:12], ZERO))}


@answers("rate_step_annuity")
def _rate_step_annuity(inputs: Inputs) -> dict[str, Any]:
    steps = [(int(step["from_payment"]), read_rate({**inputs, **step})) for step in inputs["steps"]]
    first, following, *_ = rate_step_payments(number(inputs["principal"]), int(inputs["payments"]), steps)
    return {"first_payment": TO_KOPECK(first), "next_payment": TO_KOPECK(following)}


@answers("stepped_payments")
def _stepped_payments(inputs: Inputs) -> dict[str, Any]:
    weights = [number(weight) for weight in inputs["weights"]]
    full, payments = stepped_payments(number(inputs["principal"]), read_rate(inputs), weights)
    return {"full_payment": full, "payments": payments}


@answers("lease_rentals_in_advance")
def _lease_rentals_in_advance(inputs: Inputs) -> dict[str, Any]:
    weights = [number(weight) for weight in inputs["weights_in_advance"]]
    rental, rentals = stepped_payments(number(inputs["asset_price"]), read_rate(inputs), weights, in_advance=True)
    return {"rental": rental, "first_rental": rentals[0]}


@answers("dealer_subvention")
def _dealer_subvention(inputs: Inputs) -> dict[str, Any]:
    offer = ZeroInterestOffer(
        car_price=number(inputs["car_price"]),
        deposit=number(inputs["deposit"]),
        instalment=number(inputs["instalment"]),
        instalments=int(inputs["instalments"]),
        supplier_paid_in_month=int(inputs["supplier_paid_in_month"]),
        deposit_month=int(inputs["deposit_month"]),
        first_instalment_month=int(inputs["first_instalment_month"]),
        contribution_month=int(inputs["contribution_month"]),
    )
    rate = period_rate(number(inputs["lender_annual_rate"]), 12, inputs.get("compounding_per_year"))
    return {"contribution": dealer_contribution(offer, rate)}


def _debt(inputs: Inputs, **more: Any) -> Debt:
    return Debt(
        annual_rate=number(inputs["annual_rate"]),
        day_count=day_count(inputs["day_count"]),
        interest_rounding=rounding(inputs),
        payment_rounding=rounding(inputs, unit_key="payment_unit"),
        **more,
    )


def _pay(debt: Debt, when: str, amount: Decimal) -> Debt:
    """Take a payment: interest to its day, then principal; a due date passed begins the next period."""
    paid_on = day(when)
    left = tuple(due for due in debt.due_dates if due > paid_on)
    start = debt.period_start if len(left) == len(debt.due_dates) else paid_on
    balance = debt.balance + debt.interest_to(paid_on) - amount
    return replace(debt, balance=balance, since=paid_on, due_dates=left, period_start=start)


@answers("early_repayment")
def _early_repayment(inputs: Inputs) -> dict[str, Any]:
    start, payment = day(inputs["disbursed"]), number(inputs["scheduled_payment"])
    principal, rows = number(inputs["principal"]), []
    debt = _debt(inputs, balance=principal, since=start, period_start=start, due_dates=_due(inputs), payment=payment)
    for place, made in enumerate(inputs["payments_made"], 1):
        amount, before = number(made["amount"]), debt
        debt = _pay(debt, made["date"], amount)
        interest = before.interest_to(debt.since)
        rows.append(Row(place, debt.since, amount, amount - interest, interest, ZERO, debt.balance))
    if Strategy(inputs["strategy"]) == Strategy.REDUCE_PAYMENT:
        debt = replace(debt, payment=_lower_payment(inputs, debt))
    left = debt.kept_schedule().rows
    rows += [row._replace(number=len(inputs["payments_made"]) + row.number) for row in left]
    return _rows(rows) | {"payment_after": debt.payment, "payments_left": len(left)}


def _lower_payment(inputs: Inputs, debt: Debt) -> Decimal:
    if "annual_rate/12" in str(inputs.get("payment_formula", "")):
        rate, rounded = debt.annual_rate / 12, debt.payment_rounding
        return annuity_payment(debt.balance, rate, len(debt.due_dates), rounding=rounded)
    factors = interest_factors(debt.annual_rate, debt.since, debt.due_dates, debt.day_count)
    return level_payment(debt.balance, factors, rounding=debt.payment_rounding)


_WHOLE = (
    r"\b(whole|full|entire|complete)\b.*\bperiod\b|\bto (the )?(next )?(due date|end of (the )?(current )?period)\b"
)
_TO_THE_DAY = (
    r"\bpay-?\s?off (day|date)\b|\bto the (day|date)\b|\bdaily\b|\bday of (the )?(pay-?off|payment|repayment)\b"
)


@answers("payoff_amount")
def _payoff_amount(inputs: Inputs) -> dict[str, Any]:
    next_due = day(inputs["next_due"])
    debt = _debt(
        inputs,
        balance=number(inputs["balance_after_last_payment"]),
        since=day(inputs["last_payment_date"]),
        due_dates=(next_due,),
        payment=ZERO,
    )
    paid_on = day(inputs["payoff_date"])
    payoff = payoff_quote(debt, chosen(inputs, "rule", {_WHOLE: next_due, _TO_THE_DAY: paid_on}, paid_on))
    return {"interest": payoff.interest, "amount": payoff.total}


@answers("late_penalty")
def _late_penalty(inputs: Inputs) -> dict[str, Any]:
    overdue, rate = number(inputs["overdue_amount"]), number(inputs["rate_per_day"])
    return {"penalty": late_penalty(overdue, rate, number(inputs["days"]))}


@answers("payment_dates")
def _payment_dates(inputs: Inputs) -> dict[str, Any]:
    every = int(inputs.get("every_months") or 1)
    spoken = {r"roll|1st|next month": MonthEnd.ROLL, r"clamp|last day|end of|keep": MonthEnd.CLAMP}
    month_end = chosen(inputs, "month_end", spoken, MonthEnd.CLAMP)
    first = 0 if inputs.get("first_due") else 1
    anchor, count = day(inputs.get("first_due") or inputs["disbursed"]), int(inputs["count"])
    due = (add_months(anchor, number * every, month_end) for number in range(first, first + count))
    return {"due_dates": {str(place): when.isoformat() for place, when in enumerate(due, 1)}}


@answers("business_day_shift")
def _business_day_shift(inputs: Inputs) -> dict[str, Any]:
    weekend = frozenset(WEEKDAYS.index(name) for name in inputs.get("weekend") or ("Saturday", "Sunday"))
    calendar = WorkCalendar(frozenset(days(inputs["days_off_on_weekdays"])), weekend=weekend)
    return {"dates": [calendar.shift(day(case["date"]), Shift(case["rule"])).isoformat() for case in inputs["cases"]]}
