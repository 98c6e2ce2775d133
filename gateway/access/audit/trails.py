"""Know every trail that an app's database holds: the app's own, and those of the plumbing in each of them."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from core.plugins import plugins
from core.postgres.trails import Trail
from gateway.models import Approval, Reading, SwitchTurn

PLUMBING = (
    Trail(
        model=Reading,
        at="at",
        by=("reader_id",),
        things={"subject_id": "object", "owner_id": "person"},
        what="kind",
        tells=("reader_role",),
    ),
    Trail(
        model=Approval,
        at="asked_at",
        name="approval",
        by=("asked_by",),
        things={"subject_id": "object"},
        what="kind",
        tells=("number", "amount", "currency", "reason"),
    ),
    Trail(
        model=Approval,
        at="decided_at",
        name="decision",
        title=_("decision of the second person"),
        by=("decided_by",),
        things={"subject_id": "object"},
        what="kind",
        tells=("state", "number", "amount", "currency", "decision_reason"),
    ),
    Trail(model=SwitchTurn, at="at", by=("actor_id",), what="name", tells=("is_on", "reason")),
)
"""Trails of every database: readings of papers, what waited for a second person and its end, turns of switches."""


def list_trails(app: str) -> Iterator[tuple[str, Trail]]:
    """Every trail of an app with the kind that the search calls it by, `<app>.<trail>`."""
    for trail in (*plugins()[app].audit.trails, *PLUMBING):
        yield f"{app}.{trail.called}", trail
