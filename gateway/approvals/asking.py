"""Asking: may this person give this away alone, now? If not, the action waits and nothing of it has happened."""

import contextvars
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connections
from django.utils.translation import gettext_lazy as _

from core.clock import dealer_day
from core.db import LeavesRecord
from core.errors import DomainError, FourEyes
from core.ids import uuid7
from core.money import DEFAULT_CURRENCY
from gateway.approvals.kinds import ALWAYS, NEVER, Kind
from gateway.approvals.permits import let
from gateway.approvals.persons import is_own
from gateway.models import Approval, ApprovalState
from messaging.outbox import publish

SYSTEM = UUID(int=0)
_agreed: contextvars.ContextVar[Approval | None] = contextvars.ContextVar("autosalon_agreed", default=None)
"""The request whose action is being run because a second person agreed to it."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Question about what a person gives away. `amount`, in major units, is None where nobody can say how much that is.

    `maker_id` is None (or the zero id) when the system acts; `also_barred` are people whose word it rests on, who may
    not decide either. `so_far` is what anybody has given away of this very object before: several people together pass
    the limit no more than one does. `args` is what the kind's `run` is called with later, besides the object and the
    people.
    """

    subject_id: UUID
    amount: Decimal | None
    maker_id: UUID | None
    beneficiary_id: UUID | None
    currency: str = DEFAULT_CURRENCY
    number: str = ""
    reason: str = ""
    evidence: str = ""
    so_far: Decimal = Decimal(0)
    also_barred: tuple[UUID | None, ...] = ()
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def maker(self) -> UUID | None:
        """The person who acts, if one does."""
        return None if self.maker_id == SYSTEM else self.maker_id


class ApprovalPending(DomainError):
    """Something else of the same kind waits for this very object; `approval` is what."""

    code = "approval_pending"
    detail = _("A request about this object waits for a second person already.")


class ApprovalOutdated(DomainError):
    """The object has changed since: what was agreed to is less than what would be given away now."""

    code = "approval_outdated"
    detail = _("The object has changed: more would be given away now than was asked for.")


class Waits(LeavesRecord, DomainError):
    """The action waits for a second person; nothing of it has happened. `approval` is the request, once it is left."""

    code = "approval_required"
    status = 202
    detail = _("This waits for a second person to agree.")

    def __init__(self, kind: Kind, ask: Ask, now: datetime) -> None:
        super().__init__()
        self.alias = kind.app
        self.kind, self.ask, self.now = kind, ask, now
        self.approval: Approval | None = None

    def leave(self) -> None:
        """Write the request, or find the one that says the same. Raises ApprovalPending."""
        self.approval = _write(self.kind, self.ask, self.now)
        self.extra["approval"] = shown(self.approval)


def admit(kind: Kind, ask: Ask, *, now: datetime, is_certain: bool = False) -> None:
    """Let a person's action go on under its locks, or make it wait. Call it before anything is changed.

    With `is_certain` a second person is needed whatever the amount. Raises FourEyes when it favours the one who acts,
    Waits when a second person is needed, ApprovalOutdated when more would leave than that person agreed to.
    """
    if is_certain and not _is_agreed(kind, ask):
        refuse_own(kind.app, person_id=ask.maker, beneficiary_id=ask.beneficiary_id)
        raise Waits(kind, ask, now)
    if not _may_pass(kind, ask, now):
        raise Waits(kind, ask, now)
    let(kind)


def hold_back(kind: Kind, ask: Ask, *, now: datetime, is_certain: bool = False) -> Approval | None:
    """The same for objects with a waiting state of their own: the request is returned, None when it may go on.

    It is written in the caller's transaction. With `is_certain` a second person is needed whatever the amount.
    Raises FourEyes, ApprovalPending, ApprovalOutdated.
    """
    if not is_certain and _may_pass(kind, ask, now):
        let(kind)
        return None
    if is_certain and _is_agreed(kind, ask):
        let(kind)
        return None
    refuse_own(kind.app, person_id=ask.maker, beneficiary_id=ask.beneficiary_id)
    return _write(kind, ask, now)


def is_within(kind: Kind, ask: Ask, *, now: datetime) -> bool:
    """Tell whether a person may give this away alone; it then counts in their day. Raises FourEyes."""
    return _may_pass(kind, ask, now)


def refuse_own(alias: str, *, person_id: UUID | None, beneficiary_id: UUID | None) -> None:
    """Let nobody act, as staff, on what is their own. Raises FourEyes."""
    if is_own(alias, person_id=person_id, beneficiary_id=beneficiary_id):
        raise FourEyes


def waits_for(alias: str, subject_id: UUID, kind: str = "") -> list[Approval]:
    """The requests that wait about an object, the oldest first."""
    waiting = Approval.objects.using(alias).filter(subject_id=subject_id, state=ApprovalState.WAITING)
    return list((waiting.filter(kind=kind) if kind else waiting).order_by("id"))


def _may_pass(kind: Kind, ask: Ask, now: datetime) -> bool:
    if _is_agreed(kind, ask):
        return True
    refuse_own(kind.app, person_id=ask.maker, beneficiary_id=ask.beneficiary_id)
    if kind.limit == NEVER or ask.maker is None or ask.amount == 0:
        return True
    if kind.limit == ALWAYS or ask.amount is None or ask.currency != DEFAULT_CURRENCY:
        return False
    return _within(kind, ask.maker, ask, now)


def _is_agreed(kind: Kind, ask: Ask) -> bool:
    """Tell whether this very action was agreed to. Raises ApprovalOutdated."""
    agreed = _agreed.get()
    if agreed is None or (agreed.kind, agreed.subject_id) != (kind.name, ask.subject_id):
        return False
    if agreed.amount is not None and (ask.amount is None or ask.amount > agreed.amount):
        raise ApprovalOutdated(agreed=str(agreed.amount), amount=None if ask.amount is None else str(ask.amount))
    return True


def _within(kind: Kind, person_id: UUID, ask: Ask, now: datetime) -> bool:
    """Count an amount in the person's day unless that would pass the limit; the row's lock makes the sum exact."""
    limit = Decimal(getattr(settings, kind.limit))
    if ask.amount is None or ask.so_far + ask.amount > limit:
        return False
    with connections[kind.app].cursor() as cursor:
        cursor.execute(
            """INSERT INTO gateway_given_away AS g (person_id, day, pool, amount) VALUES (%s, %s, %s, %s)
               ON CONFLICT (person_id, day, pool) DO UPDATE SET amount = g.amount + excluded.amount
               WHERE g.amount + excluded.amount <= %s
               RETURNING 1""",
            [person_id, dealer_day(now), kind.purse, ask.amount, limit],
        )
        return cursor.fetchone() is not None


def _write(kind: Kind, ask: Ask, now: datetime) -> Approval:
    """Leave a request; said again by the same person, it is the one that waits. Raises ApprovalPending."""
    approval = _row(kind, ask, now)
    rows = Approval.objects.using(kind.app)
    rows.bulk_create([approval], ignore_conflicts=True)
    if not rows.filter(pk=approval.pk).exists():
        known = waits_for(kind.app, ask.subject_id, kind.name)[0]
        if (known.args, known.asked_by) != (approval.args, approval.asked_by):
            raise ApprovalPending(approval=shown(known))
        return known
    publish_outcome(kind, approval, person_id=ask.maker, reason=ask.reason, now=now)
    return approval


def _row(kind: Kind, ask: Ask, now: datetime) -> Approval:
    barred = {str(one) for one in (ask.maker, ask.beneficiary_id, *ask.also_barred) if one is not None}
    return Approval(
        id=uuid7(),
        kind=kind.name,
        subject_type=kind.subject,
        subject_id=ask.subject_id,
        number=ask.number[:60],
        amount=ask.amount,
        currency=ask.currency,
        asked_by=ask.maker,
        asked_at=now,
        beneficiary_id=ask.beneficiary_id,
        barred=sorted(barred),
        reason=ask.reason[:1000],
        evidence=ask.evidence[:1000],
        args=msgspec.to_builtins(dict(ask.args)),
        expires_at=now + timedelta(hours=settings.APPROVAL_HOURS) if ask.maker else None,
    )


def publish_outcome(kind: Kind, approval: Approval, *, person_id: UUID | None, reason: str, now: datetime) -> None:
    """Publish what became of a person's request, and have it written into the history of its object."""
    if approval.asked_by is None or not kind.is_told or kind.by_admins:
        return
    publish(
        kind.news(
            approval_id=approval.id,
            kind=kind.name,
            subject_type=approval.subject_type,
            subject_id=approval.subject_id,
            number=approval.number,
            amount=approval.amount,
            currency=approval.currency,
            state=approval.state,
            person_id=person_id,
            reason=reason,
        )
    )
    if kind.noted:
        kind.service(kind.noted)(approval=approval, person_id=person_id, reason=reason, now=now)


def shown(approval: Approval) -> dict[str, Any]:
    """A request as the API shows it."""
    return {
        "id": str(approval.id),
        "kind": approval.kind,
        "subject": {
            "type": approval.subject_type,
            "id": str(approval.subject_id),
            "number": approval.number,
        },
        "amount": None if approval.amount is None else str(approval.amount),
        "currency": approval.currency,
        "asked_by": approval.asked_by and str(approval.asked_by),
        "asked_at": approval.asked_at.isoformat(),
        "reason": approval.reason,
        "evidence": approval.evidence,
        "state": approval.state,
        "expires_at": approval.expires_at and approval.expires_at.isoformat(),
        "decided_by": approval.decided_by and str(approval.decided_by),
        "decided_at": approval.decided_at and approval.decided_at.isoformat(),
        "decision_reason": approval.decision_reason,
    }
