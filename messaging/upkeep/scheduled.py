"""Record what the clock of the periodic jobs leaves in each database: that it ticks, and its last nightly jobs."""

from datetime import datetime

from django.db import connections

from messaging.delivery.sweep import beat

ROLE = "beat"
"""The clock's row in messaging_heartbeat: `beat_at` is its last tick for this database."""


def tick(alias: str) -> None:
    """Record that the clock ticks for a database."""
    beat(alias, ROLE)


def last_runs(alias: str) -> dict[str, datetime]:
    """Return when each recorded job of a database was last sent."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT name, last_run_at FROM messaging_scheduled_job")
        return dict(cursor.fetchall())


def record(alias: str, name: str, at: datetime) -> None:
    """Remember that a job was sent, for whoever schedules next."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """INSERT INTO messaging_scheduled_job (name, last_run_at) VALUES (%s, %s)
               ON CONFLICT (name) DO UPDATE SET last_run_at = excluded.last_run_at""",
            [name, at],
        )
