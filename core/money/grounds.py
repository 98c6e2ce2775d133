"""Grounds on which a sale bears no VAT: dated rows of the law with their sources, and what may be said of goods.

Pure functions. Sources and what is left out: docs/taxes.md. A ground without a row on the day is refused.
"""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money.vat import RATES, NoTaxRule, Regime, VatKind

INSURANCE = "insurance"
"""Ground of a policy: its insurer's service, sold by the dealer as an agent."""
LENGTH = 20
WORDS_LENGTH = 80


@dataclass(frozen=True)
class Ground:
    """A rule of the law that frees a sale from VAT, from `since` until the day before the next row of its `code`.

    `words` is how papers name it, in Russian as the forms are. One that has ended is followed by a row without words.
    """

    code: str
    words: str
    since: date
    source: str


_PART_TWO = "117-FZ of 5 August 2000, part two of the Tax Code"
GROUNDS = (
    Ground("disability", "подп. 1 п. 2 ст. 149 НК РФ", date(2001, 1, 1), f"Tax Code art. 149 item 2; {_PART_TWO}"),
    Ground("warranty", "подп. 13 п. 2 ст. 149 НК РФ", date(2001, 1, 1), f"Tax Code art. 149 item 2; {_PART_TWO}"),
    Ground(
        "inspection", "подп. 17.2 п. 2 ст. 149 НК РФ", date(2012, 1, 1),
        "Tax Code art. 149 item 2 by 170-FZ of 1 July 2011",
    ),
    Ground(INSURANCE, "подп. 7 п. 3 ст. 149 НК РФ", date(2001, 1, 1), f"Tax Code art. 149 item 3; {_PART_TWO}"),
    Ground(
        Regime.SIMPLIFIED, "п. 2 ст. 346.11 НК РФ", date(2003, 1, 1),
        "Tax Code art. 346.11 item 2 by 104-FZ of 24 July 2002",
    ),
    Ground(
        Regime.SIMPLIFIED, "п. 1 ст. 145 НК РФ", date(2025, 1, 1), "Tax Code art. 145 item 1 by 176-FZ of 12 July 2024",
    ),
)  # fmt: skip
"""Every ground there is, oldest first within its code; that of a regime bears the regime's name."""
OF_GOODS = tuple(dict.fromkeys(row.code for row in GROUNDS if row.code not in (INSURANCE, Regime.SIMPLIFIED)))
"""Grounds that goods and services of the dealer's own may be exempt by."""


def find_ground(code: str, day: date) -> Ground:
    """Return the row of a ground that is in force on the dealer's `day`. Raises NoTaxRule."""
    begun = [row for row in GROUNDS if row.code == code and row.since <= day]
    if not begun or not begun[-1].words:
        raise NoTaxRule(day=day.isoformat(), vat_ground=code)
    return begun[-1]


def name_ground(regime: Regime, kind: VatKind, ground: str, day: date) -> str:
    """Return the words by which a sale bears no VAT on a day; empty where it is taxed, or nobody said by which.

    What a seller is free of goes by the seller, whatever the goods. Raises NoTaxRule.
    """
    if kind == VatKind.EXEMPT and ground == INSURANCE:
        return find_ground(ground, day).words
    if regime == Regime.SIMPLIFIED:
        return find_ground(Regime.SIMPLIFIED, day).words
    return find_ground(ground, day).words if kind == VatKind.EXEMPT and ground else ""


def require_rule(kind: str, ground: str, day: date) -> None:
    """Refuse what no law of the day says of goods: a kind or ground without a row, an exemption without its ground.

    An empty `kind` says nothing of its own. Raises InvalidInput.
    """
    if kind == VatKind.EXEMPT:
        _require_ground(ground, day)
    elif ground:
        raise InvalidInput(
            "vat_ground", "not_allowed", _("A ground goes with goods that are exempt, and with them alone.")
        )
    elif kind and not any(row.kind == kind and row.since <= day for row in RATES):
        raise InvalidInput(
            "vat_kind", NoTaxRule.code, _("No rate of VAT is known for such goods on %(day)s.") % {"day": day}
        )


def _require_ground(ground: str, day: date) -> None:
    if not ground:
        raise InvalidInput("vat_ground", "required", _("Say by which rule of the law such goods are exempt."))
    try:
        known = find_ground(ground, day) if ground in OF_GOODS else None
    except NoTaxRule:
        known = None
    if known is None:
        detail = _("The law knows no exemption %(ground)s of goods on %(day)s.") % {"ground": ground, "day": day}
        raise InvalidInput("vat_ground", NoTaxRule.code, detail)
