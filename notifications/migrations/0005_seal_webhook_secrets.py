"""Encrypt the secrets that stood in the table as they are."""

from typing import Any

from django.db import migrations

from core.secrecy.sealing import seal, unseal


def seal_secrets(apps: Any, schema_editor: Any) -> None:
    _rewrite(schema_editor, lambda text: seal(text.encode()).decode() if text.startswith("whsec_") else text)


def open_secrets(apps: Any, schema_editor: Any) -> None:
    _rewrite(schema_editor, lambda text: unseal(text.encode()).decode())


def _rewrite(schema_editor: Any, change: Any) -> None:
    """Past the models, which would open what is not sealed yet."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT id, secret, previous_secret FROM notifications_webhookendpoint FOR UPDATE")
        for key, *texts in cursor.fetchall():
            changed = [change(text) if text else text for text in texts]
            cursor.execute(
                "UPDATE notifications_webhookendpoint SET secret = %s, previous_secret = %s WHERE id = %s",
                [*changed, key],
            )


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_widen_webhook_secrets")]

    operations = [migrations.RunPython(seal_secrets, open_secrets)]
