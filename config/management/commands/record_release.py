"""Write the release that a tag names into releases.json, so that later code is held to get along with it."""

import json
import subprocess
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.migrations.loader import MigrationLoader

from config.management.commands.lint_migrations import is_ours
from config.migrating.releases import FILE, changelog, digest, releases


class Command(BaseCommand):
    """`manage.py record_release 1.0.0`: the last step of a release."""

    help = "Record a tagged release: its commit, its changelog, and each app's last migration."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("version", help="the version whose tag v<version> exists")

    def handle(self, *args: Any, **options: Any) -> None:
        """Append the release. Raises CommandError when it is recorded, has no tag, or is not in the changelog."""
        version = options["version"]
        if version in {each.version for each in releases()}:
            raise CommandError(f"{version} is recorded already")
        section = changelog().get(version)
        if section is None:
            raise CommandError(f"CHANGELOG.md has no section {version}")
        graph = MigrationLoader(None).graph
        leaves = dict(sorted(node for node in graph.leaf_nodes() if is_ours(node[0])))
        made = {"version": version, "commit": _commit(version), "changelog": digest(section), "migrations": leaves}
        FILE.write_text(json.dumps([*json.loads(FILE.read_text()), made], indent=2) + "\n")
        self.stdout.write(f"recorded {version}: today's migrations are checked against it")


def _commit(version: str) -> str:
    command = ["git", "rev-parse", "--verify", "--quiet", f"v{version}^{{commit}}"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError(f"there is no tag v{version}")
    return done.stdout.strip()
