"""The managers' queue of what waits for a second person, over all apps: who asks for what, and agreeing or not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.public import Person, get_people
from core.errors import DomainError, NotFound
from core.screens.base import money_text
from gateway.approvals import approve, kind_named, reject
from gateway.approvals.reading import Wanted, find_request, find_requests, split_page
from gateway.models import Approval, ApprovalState
from storefront.pages import page
from storefront.shown.people import name_person
from storefront.visitor import get_reader, required_uuid, user_id

SIZE = 50


@dataclass(frozen=True)
class Line:
    """A request as the page shows it; `is_mine` when this visitor may not decide about it."""

    id: UUID
    title: str
    number: str
    amount: str
    asked_by: str
    asked_at: datetime
    reason: str
    evidence: str
    expires_at: datetime | None
    state: str
    decided_by: str
    decision_reason: str
    is_mine: bool


class DecisionForm(forms.Form):
    """Agree or not; turning something down needs a reason."""

    do = forms.ChoiceField(choices=[("approve", ""), ("reject", "")])
    reason = forms.CharField(max_length=1000, required=False)

    def clean(self) -> dict[str, Any]:
        """Ask why something is turned down."""
        given = super().clean() or {}
        if given.get("do") == "reject" and not given.get("reason"):
            raise forms.ValidationError(_("Say why you turn it down."))
        return given


@page
@never_cache
@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    """Show what waits, or with `?state=` what was decided."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.path)
    _require_staff(request)
    state = request.GET.get("state", ApprovalState.WAITING)
    if state not in ApprovalState.values:
        raise NotFound
    wanted = Wanted(state=state, before=_before(request), is_admin=get_reader(request).is_admin)
    rows, following = split_page(find_requests(wanted, limit=SIZE + 1), SIZE)
    shown = [row for _alias, row in rows]
    people = get_people({one for row in shown for one in (row.asked_by, row.decided_by) if one is not None})
    context = {
        "lines": [_line(row, people, user_id(request)) for row in shown],
        "state": state,
        "states": ApprovalState.choices,
        "following": following,
        "is_open": state == ApprovalState.WAITING,
    }
    return render(request, "storefront/approvals.html", context)


@page
@require_POST
def decide_approval(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """Agree to a request, or turn it down."""
    if not request.user.is_authenticated:
        return redirect_to_login(resolve_url("storefront:approvals"))
    _require_staff(request)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why you turn it down."))
        return redirect("storefront:approvals")
    alias, found = find_request(approval_id, is_admin=get_reader(request).is_admin)
    service = approve if form.cleaned_data["do"] == "approve" else reject
    try:
        done = service(
            alias=alias,
            approval_id=found.id,
            person_id=user_id(request),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
    except DomainError as error:
        messages.error(request, str(error.detail))
    else:
        told = {"what": _title(done), "state": done.get_state_display()}
        messages.success(request, _("%(what)s: %(state)s") % told)
    return redirect("storefront:approvals")


def _title(row: Approval) -> str:
    return str(kind_named(row.kind).title)


def _line(row: Approval, people: dict[UUID, Person], visitor: UUID) -> Line:
    return Line(
        id=row.id,
        title=_title(row),
        number=row.number,
        amount="" if row.amount is None else money_text(row.amount, row.currency),
        asked_by=_name(row.asked_by, people),
        asked_at=row.asked_at,
        reason=row.reason,
        evidence=row.evidence,
        expires_at=row.expires_at,
        state=row.get_state_display(),
        decided_by=_name(row.decided_by, people),
        decision_reason=row.decision_reason,
        is_mine=str(visitor) in row.barred,
    )


def _name(person_id: UUID | None, people: dict[UUID, Person]) -> str:
    if person_id is None:
        return ""
    return name_person(people.get(person_id))


def _before(request: HttpRequest) -> UUID | None:
    return required_uuid(request.GET["before"]) if "before" in request.GET else None


def _require_staff(request: HttpRequest) -> None:
    user: Any = request.user
    if not user.is_staff:
        raise PermissionDenied
