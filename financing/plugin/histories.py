"""Declare the histories of financing that the audit search reads."""

from django.utils.translation import gettext_lazy as _

from core.postgres.trails import Audit, Trail
from financing.models import LoanEntry, LoanLine, LoanScheduleRow, LoanStageChange, LoanVersion, Override

_TERMS = ("amount", "annual_rate", "term_months")
AUDIT = Audit(
    trails=(
        Trail(
            model=Override,
            at="proposed_at",
            by=("proposed_by",),
            things={"application_id": "application"},
            tells=(*_TERMS, "reason"),
        ),
        Trail(
            model=Override,
            at="answered_at",
            name="override_answer",
            title=_("answer to an override"),
            by=("answered_by",),
            things={"application_id": "application"},
            what="status",
            tells=(*_TERMS, "note"),
        ),
        Trail(
            model=LoanVersion,
            at="created_at",
            by=("made_by",),
            things={"loan_id": "loan"},
            what="kind",
            tells=("number", "principal", "payment", "reason"),
        ),
        Trail(
            model=LoanStageChange,
            at="created_at",
            by=("made_by",),
            things={"loan_id": "loan"},
            what="stage",
            tells=("ground", "from_date", "until", "reason"),
        ),
        Trail(
            model=LoanEntry,
            at="created_at",
            by=("made_by",),
            things={"loan_id": "loan"},
            what="kind",
            tells=("day", "reason"),
        ),
    ),
    parts={LoanScheduleRow: LoanVersion, LoanLine: LoanEntry},
)
