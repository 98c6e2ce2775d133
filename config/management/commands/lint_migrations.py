"""Refuse migrations that the release before could not live with; part of `make lint`, and needs no database."""

from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from config.migrating.releases import Release, last_release
from config.migrating.rules import Verdict, judge


def verdicts(release: Release) -> list[Verdict]:
    """Judge every migration of our own that is newer than `release`, in the order they are applied."""
    loader = MigrationLoader(None)
    graph = loader.graph
    released = [(app, name) for app, name in release.migrations.items() if (app, name) in graph.nodes]
    if len(released) < len(release.migrations):
        gone = sorted(set(release.migrations.items()) - set(released))
        raise CommandError(f"migrations of release {release.version} are gone: {gone}")
    done = {node for target in released for node in graph.forwards_plan(target)}
    plan = [node for target in graph.leaf_nodes() for node in graph.forwards_plan(target)]
    new = [node for node in dict.fromkeys(plan) if node not in done]
    known = loader.project_state(released)
    state = known.clone()
    found = []
    for node in new:
        migration: Migration = graph.nodes[node]
        if is_ours(migration.app_label):
            found.append(judge(migration, state, known))
        else:
            migration.mutate_state(state, preserve=False)
    return found


def is_ours(label: str) -> bool:
    """Tell an app of this project from a package's."""
    path = Path(apps.get_app_config(label).path)
    return path.parent == settings.BASE_DIR


class Command(BaseCommand):
    """`manage.py lint_migrations`: may these migrations run while the last release still sells?"""

    help = "Check that migrations newer than the last release let that release run beside them."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what is wrong, or that nothing is."""
        release = last_release()
        judged = verdicts(release)
        lines = [line for verdict in judged for line in verdict.lines()]
        if lines:
            raise CommandError("\n".join([f"not safe beside release {release.version}:", *lines]))
        self.stdout.write(f"{len(judged)} migrations since release {release.version} let it run beside them")
