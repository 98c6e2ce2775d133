"""The policy as a PDF that one can carry: who, what, for how much, from when, and how the premium came about."""

from typing import Any

from django.utils.translation import gettext as _

from core.files.printing import MM, paragraph, print_pages, style
from insurance.models import Instalment, Policy
from insurance.queries.reading import insured_request


def policy_pdf(policy: Policy) -> bytes:
    """A policy and the breakdown of its premium, in the language of the moment; reads `policy.quote`."""
    from reportlab.lib import colors
    from reportlab.platypus import Spacer, Table

    body = style(9, 12)

    def cell(text: Any) -> Any:
        return paragraph(text, body)

    grid = [("GRID", (0, 0), (-1, -1), 0.3, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    story = [
        paragraph(f"{policy.get_insurance_type_display()} · {policy.number}", style(16, 22)),
        cell(_("State: %(state)s") % {"state": policy.get_status_display()}),
        Spacer(1, 4 * MM),
        Table([[cell(name), cell(value)] for name, value in _facts(policy)], colWidths=[60 * MM, 110 * MM], style=grid),
        Spacer(1, 6 * MM),
        cell(_("How the premium came about: the product of these values, rounded to the kopeck.")),
        Table(
            [[cell(item["code"]), cell(item["value"]), cell(item["source"])] for item in _breakdown(policy)],
            colWidths=[30 * MM, 35 * MM, 105 * MM],
            style=grid,
        ),
    ]
    return print_pages(story, title=f"{policy.get_insurance_type_display()} {policy.number}", margin=18 * MM)


def _facts(policy: Policy) -> list[tuple[Any, Any]]:
    request = insured_request(policy)
    drivers = request.drivers
    named = ", ".join(str(driver.birth_date) for driver in drivers) if drivers else _("without a limit")
    rows = [
        (_("Insurer"), policy.quote.offer(policy.variant).insurer_name or policy.insurer),
        (_("Number at the insurer"), policy.insurer_ref),
        (_("Vehicle"), f"{request.vehicle_make} {request.vehicle_model}, {request.vehicle_year}"),
        (_("VIN"), policy.vehicle_vin),
        (_("Registration plate"), request.vehicle_plate),
        (_("Drivers, by date of birth"), named),
        (_("In force"), f"{policy.start_date} – {policy.end_date}"),
        (_("Sum insured"), f"{policy.coverage_amount} {policy.currency}"),
        (_("Deductible"), f"{policy.deductible} {policy.currency}"),
        (_("Premium"), f"{policy.premium} {policy.currency}"),
        (_("Beneficiary"), policy.beneficiary),
        *(
            (_("Instalment %(number)d") % {"number": part.number}, _instalment(policy, part))
            for part in policy.instalments.all()
        ),
        (_("Refund"), f"{policy.refund_amount} {policy.currency}" if policy.refund_amount is not None else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _instalment(policy: Policy, part: Instalment) -> str:
    return f"{part.amount} {policy.currency} · {part.due_date} · {part.get_state_display()}"


def _breakdown(policy: Policy) -> list[dict[str, Any]]:
    if policy.variant:
        rows: list[dict[str, Any]] = policy.quote.variants[policy.variant - 1]["breakdown"]
        return rows
    found: list[dict[str, Any]] = policy.quote.breakdown
    return found
