"""Deciding: a second person agrees, and the action runs in the same transaction; or turns it down, or time does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_type_hints
from uuid import UUID

import msgspec
from django.utils.translation import gettext_lazy as _

from core.db import transaction
from core.errors import DomainError, FourEyes, NotFound, WrongTransition
from gateway.approvals.asking import _agreed, publish_outcome, waits_for
from gateway.approvals.kinds import Kind, kind_named
from gateway.approvals.persons import is_own
from gateway.models import Approval, ApprovalState

BATCH = 200


class ApprovalExpired(DomainError):
    """Nobody decided in time; whoever still wants it asks again."""

    code = "approval_expired"
    detail = _("This request has expired; it can be made again.")


def approve(*, alias: str, approval_id: UUID, person_id: UUID, now: datetime, reason: str = "") -> Approval:
    """Agree: the action runs now, and commits together with the decision.

    Raises NotFound, WrongTransition (it is decided), FourEyes, ApprovalExpired, and whatever the action refuses: the
    request then goes on waiting, and the caller hears why.
    """
    with transaction(alias):
        approval = _lock(alias, approval_id)
        _judge(approval, person_id, now)
        _carry_out(approval, person_id, reason, now)
    return approval


def reject(*, alias: str, approval_id: UUID, person_id: UUID, now: datetime, reason: str = "") -> Approval:
    """Turn a request down: nothing happens. Raises NotFound, WrongTransition, FourEyes, ApprovalExpired."""
    with transaction(alias):
        approval = _lock(alias, approval_id)
        _judge(approval, person_id, now)
        _end(approval, ApprovalState.REJECTED, person_id, reason, now)
    return approval


def approve_waiting(kind: Kind, subject_id: UUID, *, person_id: UUID, now: datetime) -> bool:
    """Agree to what waits about an object, from a screen of the object's own; False when nothing does.

    Raises what `approve` does.
    """
    with transaction(kind.app):
        known = waits_for(kind.app, subject_id, kind.name)
        if not known:
            return False
        approval = _lock(kind.app, known[0].id)
        _judge(approval, person_id, now)
        _carry_out(approval, person_id, "", now)
    return True


def withdraw(kind: Kind, subject_id: UUID, *, person_id: UUID, now: datetime, reason: str = "") -> bool:
    """Turn down what waits about an object, from a screen of the object's own; False when nothing does.

    Whoever asked may take it back here. Raises FourEyes, ApprovalExpired.
    """
    with transaction(kind.app):
        known = waits_for(kind.app, subject_id, kind.name)
        if not known:
            return False
        approval = _lock(kind.app, known[0].id)
        if approval.asked_by != person_id:
            _judge(approval, person_id, now)
        _end(approval, ApprovalState.REJECTED, person_id, reason, now)
    return True


def supersede(kind: Kind, subject_id: UUID, *, now: datetime) -> None:
    """Let what waits about an object expire, because something else is asked for in its place."""
    with transaction(kind.app):
        for known in waits_for(kind.app, subject_id, kind.name):
            _end(_lock(kind.app, known.id), ApprovalState.EXPIRED, None, "", now)


def expire_due(alias: str, *, now: datetime) -> int:
    """End the requests that nobody decided in time; return how many there were."""
    due = Approval.objects.using(alias).filter(state=ApprovalState.WAITING, expires_at__lte=now).order_by("id")
    count = 0
    for approval_id in list(due.values_list("pk", flat=True)[:BATCH]):
        with transaction(alias):
            approval = _lock(alias, approval_id)
            if approval.state == ApprovalState.WAITING:
                _end(approval, ApprovalState.EXPIRED, None, "", now)
                count += 1
    return count


def _lock(alias: str, approval_id: UUID) -> Approval:
    approval: Approval | None = Approval.objects.using(alias).select_for_update().filter(pk=approval_id).first()
    if approval is None:
        raise NotFound
    return approval


def _judge(approval: Approval, person_id: UUID, now: datetime) -> None:
    """Judge whether this person may decide this request now. Raises WrongTransition, FourEyes, ApprovalExpired."""
    if approval.state != ApprovalState.WAITING:
        raise WrongTransition(approval.state, [])
    alias = kind_named(approval.kind).app
    if str(person_id) in approval.barred or any(
        is_own(alias, person_id=person_id, beneficiary_id=UUID(one)) for one in approval.barred
    ):
        raise FourEyes
    if approval.expires_at is not None and approval.expires_at <= now:
        raise ApprovalExpired


def _carry_out(approval: Approval, person_id: UUID, reason: str, now: datetime) -> None:
    kind = kind_named(approval.kind)
    approval.end(ApprovalState.APPROVED, decided_by=person_id, reason=reason, now=now)
    approval.save()
    service = kind.service(kind.run)
    token = _agreed.set(approval)
    try:
        service(
            subject_id=approval.subject_id,
            maker_id=approval.asked_by,
            approver_id=person_id,
            now=now,
            **_typed(service, approval.args),
        )
    finally:
        _agreed.reset(token)
    publish_outcome(kind, approval, person_id=person_id, reason=reason, now=now)


def _typed(service: Any, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was stored, as the service's annotations say."""
    hints = get_type_hints(service)
    return {name: msgspec.convert(value, hints[name], strict=False) for name, value in stored.items()}


def _end(approval: Approval, state: ApprovalState, person_id: UUID | None, reason: str, now: datetime) -> None:
    kind = kind_named(approval.kind)
    approval.end(state, decided_by=person_id, reason=reason, now=now)
    approval.save()
    if kind.refused:
        kind.service(kind.refused)(subject_id=approval.subject_id, person_id=person_id, reason=reason, now=now)
    publish_outcome(kind, approval, person_id=person_id, reason=reason, now=now)
