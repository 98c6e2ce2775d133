"""Refusals of the rating arithmetic: named, so that a caller can answer each of them."""


class RatingError(ValueError):
    """Any refusal of this package."""


class InvalidRisk(RatingError):
    """One input is wrong: `field` as the public contract names it, a stable `code`, and a sentence."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.code = code
        self.detail = detail


class TariffMissing(RatingError):
    """No tariff row is in force for the risk on the rating date: `table` as rows name it, `what` was looked for there.

    What a reader is told of it is said by `insurance.rules.wording`.
    """

    def __init__(self, table: str, what: object) -> None:
        super().__init__(f"no row of {table} for {what}")
        self.table, self.what = table, str(what)
