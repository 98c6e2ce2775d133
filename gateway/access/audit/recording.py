"""Leave a trace of each search: who looked, whose acts or which thing for, as of every reading of others' papers."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest

from gateway.access.audit.gathering import PEOPLE, Found
from gateway.access.readings import Papers, record_reading

KIND = "audit_search"


def record_search(request: HttpRequest, found: Found) -> None:
    """Note that the acts were looked for; whoever looks for their own leaves a trace too."""
    reader: Any = request.user
    looked_for = _only(found.people)
    owner_id = None if looked_for == UUID(str(reader.pk)) else looked_for
    record_reading(request, Papers(PEOPLE, KIND, subject_id=_only(found.things), owner_id=owner_id))


def _only(ids: list[UUID] | None) -> UUID | None:
    return ids[0] if ids is not None and len(ids) == 1 else None
