"""Enter the production calendars of the years whose decrees were out: what the government moved, and by which decree."""

from django.db import migrations
from django.utils import timezone

DECREES = (
    (
        2024,
        ("2024-04-29", "2024-04-30", "2024-05-10", "2024-12-30", "2024-12-31"),
        ("2024-04-27", "2024-11-02", "2024-12-28"),
        "Постановление Правительства РФ от 10.08.2023 № 1314",
    ),
    (
        2025,
        ("2025-05-02", "2025-05-08", "2025-06-13", "2025-11-03", "2025-12-31"),
        ("2025-11-01",),
        "Постановление Правительства РФ от 04.10.2024 № 1335",
    ),
    (
        2026,
        ("2026-01-09", "2026-03-09", "2026-05-11", "2026-12-31"),
        (),
        "Постановление Правительства РФ от 24.09.2025 № 1466; ТК РФ, ст. 112 ч. 2",
    ),
)


def enter(apps, schema_editor):
    years = apps.get_model("financing", "WorkCalendarYear")
    alias = schema_editor.connection.alias
    for year, days_off, working_days, source in DECREES:
        if not years.objects.using(alias).filter(year=year).exists():
            years.objects.using(alias).create(
                year=year,
                days_off=list(days_off),
                working_days=list(working_days),
                source=source,
                created_at=timezone.now(),
            )


class Migration(migrations.Migration):

    dependencies = [
        ("financing", "0017_add_bank_rules"),
    ]

    operations = [
        migrations.RunPython(enter, migrations.RunPython.noop),
    ]
