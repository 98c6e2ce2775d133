"""Words for a tariff row that is not there: which field of a request asked for it, and what its reader is told."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from insurance.rules.rating.rows import TABLES

_NOTHING_IN_FORCE = _("No OSAGO coefficients are in force on %(what)s: another first day may have them.")
_NOT_BY_THEM = _("This insurer does not insure cars on their own damage: %(what)s.")
_MISSING: dict[str, tuple[str, Promise]] = {
    "territories": (
        "region",
        _(
            "The OSAGO tariffs have no territory coefficient for %(what)s on this day. Write the region and the town "
            "as in the registration certificate; a place that is not in the tariffs is not insured here."
        ),
    ),
    "corridors": ("category", _("The OSAGO tariffs have no base rates for such a vehicle on %(what)s.")),
    "insurer": ("insurer", _("There is no insurer %(what)s on this day.")),
    "osago_base": ("insurer", _("This insurer sells no OSAGO for such a vehicle: %(what)s.")),
    "kasko": ("insurer", _NOT_BY_THEM),
    "kasko_base_rate_percent": ("vehicle_year", _("This insurer does not insure a car of this age: %(what)s years.")),
}


def explain_missing(table: str, what: str) -> tuple[str, str]:
    """Return the field that asked for a missing row, and the refusal in the reader's language.

    Raises KeyError for a table that there is none of.
    """
    if table in _MISSING:
        field, told = _MISSING[table]
    elif table in TABLES:
        field, told = ("insurer", _NOT_BY_THEM) if table.startswith("kasko_") else ("start_date", _NOTHING_IN_FORCE)
    else:
        raise KeyError(table)
    return field, str(told) % {"what": what}
