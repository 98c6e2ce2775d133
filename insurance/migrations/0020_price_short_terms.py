from datetime import date

from django.db import migrations
from django.utils import timezone

SIX_MONTHS_AND_MORE = {"6": "0.7", "7": "0.75", "8": "0.8", "9": "0.9", "10": "0.95", "12": "1"}
UNDER_SIX = {"1": "0.2", "2": "0.3", "3": "0.4", "4": "0.5", "5": "0.6"}
SHIPPED_INSURERS = ("partner", "compass", "shield")
SINCE = date(2026, 11, 23)
SOURCE = "the dealership's own tariff: a tenth a month below six months; no published rows of so short terms are known"


def price(apps, schema_editor):
    """Write the next revision where tariffs are in the tables already, for insurers whose own terms nobody changed."""
    alias = schema_editor.connection.alias
    revisions = apps.get_model("insurance", "TariffRevision").objects.using(alias)
    rows = apps.get_model("insurance", "TariffRow").objects.using(alias)
    standing = rows.filter(table="kasko_months", insurer__in=SHIPPED_INSURERS, withdrawn_in=None)
    codes = sorted(row.insurer for row in standing if row.value == SIX_MONTHS_AND_MORE and row.valid_to is None)
    codes = [code for code in codes if standing.filter(insurer=code).count() == 1]
    last = revisions.order_by("-number").first()
    if last is None or not codes:
        return
    revision = revisions.create(
        number=last.number + 1,
        note="KASKO of less than six months has its own price",
        added=len(codes),
        withdrawn=0,
        created_at=timezone.now(),
    )
    for code in codes:
        rows.create(
            insurer=code,
            table="kasko_months",
            value=UNDER_SIX | SIX_MONTHS_AND_MORE,
            valid_from=SINCE,
            source=SOURCE,
            is_secondary=False,
            added_in=revision,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0019_begin_claim_history'),
    ]

    operations = [
        migrations.RunPython(price, migrations.RunPython.noop),
    ]
