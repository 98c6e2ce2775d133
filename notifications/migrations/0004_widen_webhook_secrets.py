"""Room for sealed secrets."""

import core.secrecy.sealed
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_add_channels_and_kinds")]

    operations = [
        migrations.AlterField(
            model_name="webhookendpoint",
            name="secret",
            field=core.secrecy.sealed.SealedTextField(verbose_name="secret"),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="previous_secret",
            field=core.secrecy.sealed.SealedTextField(blank=True, default="", verbose_name="previous secret"),
        ),
    ]
