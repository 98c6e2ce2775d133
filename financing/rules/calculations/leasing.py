"""Leasing: rentals in advance or arrears with a residual, VAT as its own column, and the subsidy of a 0 % offer."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from financing.rules.calculations.errors import InvalidTerms
from financing.rules.calculations.rounding import PERCENT, TO_KOPECK, ZERO, precise
from financing.rules.calculations.schedule import annuity_payment


@dataclass(frozen=True, kw_only=True)
class LeaseTerms:
    """A lease; roubles without VAT, `rate` a month and `vat_rate` as fractions. `buy_out` is paid after the last
    rental and is the residual the rentals leave.
    """

    price: Decimal
    advance: Decimal
    months: int
    rate: Decimal
    buy_out: Decimal = ZERO
    vat_rate: Decimal = ZERO
    in_advance: bool = True


class LeaseRow(NamedTuple):
    """One payment of a lease, roubles: total = rental + VAT; `balance` is the financed sum left after it."""

    number: int
    rental: Decimal
    vat: Decimal
    total: Decimal
    interest: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Lease:
    """Rows of a lease, the buy-out last, and the regular rental without VAT, roubles."""

    rental: Decimal
    rows: tuple[LeaseRow, ...]

    @property
    def total(self) -> Decimal:
        """All rentals and the buy-out with VAT, the advance aside, roubles."""
        return sum((row.total for row in self.rows), ZERO)


def _check(terms: LeaseTerms) -> None:
    if not 0 <= terms.advance < terms.price:
        raise InvalidTerms("advance", "max_value", "The advance must be below the price.")
    if not 0 <= terms.buy_out <= terms.price - terms.advance:
        raise InvalidTerms("buy_out", "max_value", "The buy-out price must not exceed the sum financed.")


@precise
def lease(terms: LeaseTerms) -> Lease:
    """Return the rows of a lease: financed = price - advance; rental = (financed - buy_out*v^n)*i/(1 - v^n), divided
    by 1+i in advance. The buy-out row takes the rounding residue in its interest. Raises InvalidTerms.
    """
    _check(terms)
    financed = balance = terms.price - terms.advance
    rental = annuity_payment(
        financed, terms.rate, terms.months, balloon=terms.buy_out, in_advance=terms.in_advance, rounding=TO_KOPECK
    )
    rows = []
    for number in range(1, terms.months + 1):
        free = terms.in_advance and number == 1
        interest = ZERO if free else TO_KOPECK(balance * terms.rate)
        balance += interest - rental
        rows.append(_row(terms, number, rental, interest, balance))
    rows.append(_row(terms, terms.months + 1, terms.buy_out, terms.buy_out - balance, ZERO))
    return Lease(rental, tuple(rows))


def _row(terms: LeaseTerms, number: int, net: Decimal, interest: Decimal, balance: Decimal) -> LeaseRow:
    vat = TO_KOPECK(net * terms.vat_rate)
    return LeaseRow(number, net, vat, net + vat, interest, balance)


@precise
def overpricing_percent(total: Decimal, price: Decimal, years: Decimal) -> Decimal:
    """Return the yearly overpricing of a lease in per cent, unrounded: (total/price - 1)/years*100. Not a rate."""
    return (total / price - 1) / years * PERCENT


@dataclass(frozen=True, kw_only=True)
class ZeroInterestOffer:
    """A 0 % offer as the lender sees it: roubles, and the month (from 0) in which each sum moves."""

    car_price: Decimal
    deposit: Decimal
    instalment: Decimal
    instalments: int
    supplier_paid_in_month: int = 0
    deposit_month: int = 0
    first_instalment_month: int = 1
    contribution_month: int = 0


@precise
def dealer_contribution(offer: ZeroInterestOffer, rate: Decimal) -> Decimal:
    """Return what the dealer pays the lender, roubles, so that the offer earns `rate` a month (a fraction): the price
    less the present value of deposit and instalments, carried to the month of the contribution.
    """
    growth = 1 + rate
    months = range(offer.first_instalment_month, offer.first_instalment_month + offer.instalments)
    received = offer.deposit * growth**-offer.deposit_month + sum(
        (offer.instalment * growth**-month for month in months), ZERO
    )
    missing = offer.car_price * growth**-offer.supplier_paid_in_month - received
    return TO_KOPECK(missing * growth**offer.contribution_month)
