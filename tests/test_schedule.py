"""Periodic jobs: each is scheduled once, on a queue that some worker serves."""

from django.conf import settings

from config.celery import app
from config.management.commands.up import _background_programs

ON_DEMAND = {
    "messaging.drain",
    "messaging.execute_call",
    "messaging.run_errand",
    "messaging.relay",
    "catalog.run_import",
    "clients.run_import",
}
"""Sent when there is something to do; the relay's turn is periodic only where no relay process runs."""


def schedule():
    app.finalize(auto=True)
    return app.conf.beat_schedule


def own_tasks():
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def served_queues():
    queues = set()
    for program in _background_programs():
        if "-Q" in program.command:
            queues |= set(program.command[program.command.index("-Q") + 1].split(","))
    return queues


def test_every_periodic_task_is_scheduled():
    scheduled = {entry["task"] for entry in schedule().values()}
    assert scheduled - {"messaging.relay"} == own_tasks() - ON_DEMAND


def test_every_job_runs_where_a_worker_listens():
    assert {entry["options"]["queue"] for entry in schedule().values()} <= served_queues()


def test_every_job_is_dropped_before_a_backlog_of_it_grows():
    for entry in schedule().values():
        assert 0 < entry["options"]["expires"] <= 3600


def test_every_database_is_purged():
    purged = {entry["args"] for entry in schedule().values() if entry["task"] == "messaging.purge"}
    assert purged == {(alias,) for alias in settings.SERVICES}
