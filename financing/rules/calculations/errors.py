"""Refusals of the loan arithmetic: named, so that a caller can answer each of them."""


class CalculationError(ValueError):
    """Any refusal of this package."""


class InvalidTerms(CalculationError):
    """One input is wrong: `field` as the public contract names it, a stable `code`, and a sentence."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.code = code
        self.detail = detail


class PaymentBelowInterest(InvalidTerms):
    """The level payment would not cover the interest of its period, so the debt would never fall."""

    def __init__(self) -> None:
        super().__init__(
            "term_months",
            "payment_below_interest",
            "The payment would not cover the interest; shorten the term, lower the rate or pay earlier.",
        )


class NoRateFound(CalculationError):
    """The flows have no rate of return: they never change sign, or no root lies in the searched range."""
