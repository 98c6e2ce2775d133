"""Read exports of personal data."""

import json
from datetime import datetime
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from accounts.errors import ExportNotFound, ExportNotReady
from accounts.models import ExportStatus, PersonalDataExport
from core.secrecy.sealing import unseal


def read_export(*, export_id: UUID, user_id: UUID, now: datetime) -> bytes:
    """The whole export as JSON. Raises ExportNotFound, ExportNotReady."""
    export = PersonalDataExport.objects.filter(pk=export_id, user_id=user_id, expires_at__gt=now).first()
    if export is None:
        raise ExportNotFound
    if export.status != ExportStatus.READY:
        raise ExportNotReady(retry_after=2)
    document = {
        "user_id": str(export.user_id),
        "exported_at": export.finished_at,
        "apps": {part.app: json.loads(unseal(bytes(part.body))) for part in export.parts.order_by("app")},
    }
    return json.dumps(document, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2).encode()
