"""Exporting a person's data: asked for, gathered app by app outside any request, downloaded for a week."""

import json
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError

from accounts.errors import UserNotFound
from accounts.models import ActivityKind, ExportPart, ExportStatus, PersonalDataExport, User
from accounts.services.activity import record
from core.db import on_commit, transaction
from core.outside.asking import PeerAway
from core.secrecy.sealing import seal
from messaging.delivery import wakeups
from messaging.peering import reads

GATHER = "accounts.gather_exports"
KEEP = timedelta(days=7)
RETRY = timedelta(seconds=30)
log = structlog.get_logger(__name__)


def request_export(*, user_id: UUID, requested_by: UUID, now: datetime) -> PersonalDataExport:
    """Begin an export, or return the one that is under way. Raises UserNotFound."""
    with transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=user_id, erased_at__isnull=True).first()
        if user is None:
            raise UserNotFound
        running = PersonalDataExport.objects.filter(user=user).exclude(status=ExportStatus.READY).first()
        if running is not None:
            return running
        export = PersonalDataExport.objects.create(
            user=user, requested_by=requested_by, next_at=now, created_at=now, expires_at=now + KEEP
        )
        record(ActivityKind.DATA_EXPORTED, user_id, now=now, requested_by=str(requested_by))
        on_commit("accounts", lambda: wakeups.wake_work_queue(GATHER))
    return export


def is_export_due(*, now: datetime) -> bool:
    """Tell whether an export waits for an app's answer."""
    return _due(now) is not None


def gather_exports(*, now: datetime) -> bool:
    """Ask the apps of the next export that is due; return whether there was one.

    Each app is read from its own database, or by the peer that has it, and outside our transactions. One that is down
    delays its part by half a minute and nobody else's.
    """
    export = _due(now)
    if export is None:
        return False
    for app in export.missing:
        try:
            found = reads.personal_data(app, export.user_id)
        except (OperationalError, InterfaceError, PeerAway) as error:
            log.warning("export_waits", app=app, export_id=str(export.id), error=type(error).__name__)
            continue
        _store(export.id, app, found, now)
    _settle(export.id, now)
    return True


def purge_exports(*, now: datetime) -> int:
    """Drop exports nobody may download any more; return how many rows went."""
    with transaction("accounts"):
        return PersonalDataExport.objects.filter(expires_at__lte=now).delete()[0]


def _due(now: datetime) -> PersonalDataExport | None:
    waiting = PersonalDataExport.objects.exclude(status=ExportStatus.READY).filter(next_at__lte=now)
    return waiting.order_by("next_at").first()


def _store(export_id: UUID, app: str, found: object, now: datetime) -> None:
    with transaction("accounts"):
        export = PersonalDataExport.objects.select_for_update().filter(pk=export_id).first()
        if export is None or app in export.gathered:
            return
        body = seal(json.dumps(found, cls=DjangoJSONEncoder, ensure_ascii=False).encode())
        ExportPart.objects.create(export=export, app=app, body=body)
        export.gathered.append(app)
        export.status = ExportStatus.RUNNING
        export.save(update_fields=["gathered", "status"])


def _settle(export_id: UUID, now: datetime) -> None:
    with transaction("accounts"):
        export = PersonalDataExport.objects.select_for_update().filter(pk=export_id).first()
        if export is None:
            return
        if export.missing:
            export.next_at = now + RETRY
        else:
            export.status, export.finished_at = ExportStatus.READY, now
        export.save(update_fields=["next_at", "status", "finished_at"])
