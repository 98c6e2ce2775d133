"""Motor-insurance arithmetic: pure functions of tariff rows and risks, without Django, floats or a clock."""

from insurance.rules.rating.claims import (
    Basis,
    Loss,
    UnderInsurance,
    claim_payout,
    is_total_loss,
    reserve_after,
    split_payout,
    under_insurance_percent,
)
from insurance.rules.rating.errors import InvalidRisk, RatingError, TariffMissing
from insurance.rules.rating.instalments import Part, check_parts, first_part, split_premium
from insurance.rules.rating.kasko import KaskoPremium, KaskoRisk, KaskoTariff, kasko_from_factors, kasko_premium
from insurance.rules.rating.osago import (
    Corridor,
    DriversLimit,
    KbmMoves,
    OsagoRisk,
    OsagoTariff,
    Owner,
    Territory,
    hp_of_kw,
    osago_premium,
    widened_corridor,
)
from insurance.rules.rating.refunds import Policy, Refund, refund_of_days, refund_of_share, refund_on
from insurance.rules.rating.tables import AgeExperience, Dated, Driver, Factor, Premium, multiply, row_on

__all__ = [
    "AgeExperience",
    "Basis",
    "Corridor",
    "Dated",
    "Driver",
    "DriversLimit",
    "Factor",
    "InvalidRisk",
    "KaskoPremium",
    "KaskoRisk",
    "KaskoTariff",
    "KbmMoves",
    "Loss",
    "OsagoRisk",
    "OsagoTariff",
    "Owner",
    "Part",
    "Policy",
    "Premium",
    "RatingError",
    "Refund",
    "TariffMissing",
    "Territory",
    "UnderInsurance",
    "check_parts",
    "claim_payout",
    "first_part",
    "hp_of_kw",
    "is_total_loss",
    "kasko_from_factors",
    "kasko_premium",
    "multiply",
    "osago_premium",
    "refund_of_days",
    "refund_of_share",
    "refund_on",
    "reserve_after",
    "row_on",
    "split_payout",
    "split_premium",
    "under_insurance_percent",
    "widened_corridor",
]
