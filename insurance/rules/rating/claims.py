"""Calculate what a claim pays: under-insurance, deductible, total loss, and who receives it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.utils.translation import gettext as _

from core.money import ZERO, money
from insurance.rules.rating.errors import InvalidRisk
from insurance.rules.rating.tables import non_negative

PERCENT = Decimal(100)
TOTAL_LOSS_SHARE = Decimal("0.75")


class UnderInsurance(StrEnum):
    """Rule by which a sum insured below the value cuts a partial loss: Russian Civil Code, art. 949, or first loss."""

    PROPORTIONAL = "proportional"
    FIRST_LOSS = "first_loss"


class Basis(StrEnum):
    """Basis of a total loss: the sum insured agreed, or no more than the market value on the day of loss."""

    AGREED = "agreed"
    MARKET = "market"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss under a policy, roubles. A conditional deductible pays nothing up to itself and everything above it.

    `paid_before` counts only against an aggregate sum insured, which each payout lowers and wear (a fraction) lowers
    on a total loss; `salvage` is the value of remains the owner keeps.
    """

    loss: Decimal
    sum_insured: Decimal
    value: Decimal
    deductible: Decimal = ZERO
    conditional_deductible: bool = False
    under_insurance: UnderInsurance = UnderInsurance.PROPORTIONAL
    total_loss: bool = False
    basis: Basis = Basis.AGREED
    aggregate: bool = False
    paid_before: Decimal = ZERO
    wear: Decimal = ZERO
    salvage: Decimal = ZERO

    @property
    def limit(self) -> Decimal:
        """Return what the policy can still pay, deductible aside."""
        return max(self.sum_insured - self.paid_before, ZERO) if self.aggregate else self.sum_insured


def under_insurance_percent(sum_insured: Decimal, value: Decimal) -> Decimal:
    """Return by how many per cent a partial loss is cut, unrounded: (1 - sum insured / value)·100, never below 0."""
    return max((1 - sum_insured / value) * PERCENT, Decimal(0))


def is_total_loss(repair_cost: Decimal, value: Decimal, share: Decimal = TOTAL_LOSS_SHARE) -> bool:
    """Tell whether repair costs more than a share of the value (65-75 % by policy wording)."""
    return repair_cost > value * share


def _gross(loss: Loss) -> Decimal:
    if loss.total_loss:
        agreed = loss.limit * (1 - loss.wear) if loss.aggregate else loss.limit
        return (min(agreed, loss.value) if loss.basis is Basis.MARKET else agreed) - loss.salvage
    share = Decimal(1)
    if loss.under_insurance is UnderInsurance.PROPORTIONAL and loss.sum_insured < loss.value:
        share = loss.sum_insured / loss.value
    return min(loss.loss * share, loss.limit)


def claim_payout(loss: Loss) -> Decimal:
    """Return the payout in roubles: min(loss·SI/value, limit) less the deductible; never below 0, nor above what is
    left of the sum insured less the deductible. Raises InvalidRisk.
    """
    for name in ("loss", "deductible", "paid_before", "salvage"):
        non_negative(name, getattr(loss, name))
    if loss.value <= 0 or loss.sum_insured <= 0:
        raise InvalidRisk("sum_insured", "min_value", _("The sum insured and the value must be above zero."))
    gross = _gross(loss)
    if loss.conditional_deductible:
        return money(gross) if gross > loss.deductible else ZERO
    return money(max(gross - loss.deductible, ZERO))


def reserve_after(estimate: Decimal, paid: Decimal) -> Decimal:
    """Return the reserve that stays for a claim, roubles, never below 0."""
    return max(estimate - paid, ZERO)


def split_payout(payout: Decimal, debt: Decimal) -> tuple[Decimal, Decimal]:
    """Return (to the bank, to the owner), roubles: a bank named beneficiary of a total loss gets its debt first."""
    to_bank = min(payout, debt)
    return to_bank, payout - to_bank


def formula(loss: Loss) -> str:
    """Return in figures how `claim_payout` comes about, such as `min(300000.00 × 0.5, 500000.00) - 10000.00`."""
    if loss.total_loss:
        text = f"{loss.limit}"
        if loss.aggregate and loss.wear:
            text += f" × (1 - {loss.wear})"
        if loss.basis is Basis.MARKET:
            text = f"min({text}, {loss.value})"
        if loss.salvage:
            text += f" - {loss.salvage}"
    else:
        text = f"{loss.loss}"
        if loss.under_insurance is UnderInsurance.PROPORTIONAL and loss.sum_insured < loss.value:
            text += f" × {loss.sum_insured} / {loss.value}"
        text = f"min({text}, {loss.limit})"
    if loss.conditional_deductible and loss.deductible:
        return f"{text} if above {loss.deductible}, else 0 = {claim_payout(loss)}"
    return f"{text}{f' - {loss.deductible}' if loss.deductible else ''} = {claim_payout(loss)}"
