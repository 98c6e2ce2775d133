"""Make a new app with the rooms of this house, and put its name into every list."""

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import Resolver404, resolve

from config.databases import STORES
from config.layout import ROLES
from core.events import REGISTRY
from devtools.new_app import making
from devtools.new_app.naming import BadName, Names, guess_thing, require_free

STEPS = (
    ("-m", "ruff", "check", "--quiet", "--select", "I", "--fix", "{app}"),
    ("-m", "ruff", "format", "--quiet", "{app}"),
    ("-m", "config.declared"),
    ("manage.py", "makemigrations", "{app}", "--check", "--dry-run"),
    ("manage.py", "architecture"),
    ("manage.py", "asyncapi"),
    ("manage.py", "personal_data"),
    ("-m", "tests.permissions.table"),
    ("manage.py", "openapi"),
)
"""What writes the lists and documents that are made from declarations; each by the Python that runs this."""
LEFT = """\
Made {app}. What is yours to do:
  say in {app}/models.py what a {thing} is, delete its migration, then: manage.py makemigrations {app} -n initial
  a sentence about it in docs/architecture.md, its words in docs/glossary.md, a line in CHANGELOG.md
  Russian in locale/ru/LC_MESSAGES/django.po, where it was not given, then: msgfmt --check -o …/django.mo …/django.po
  make examples ARGS={app}/tests
"""


class Command(BaseCommand):
    """`manage.py startapp warranties`."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the app's name, and what it keeps where that is not its name in the singular."""
        parser.add_argument("name", help="one word of small letters, in the plural: warranties")
        parser.add_argument("--thing", default="", help="one of what it keeps, where the singular is another word")
        parser.add_argument("--russian", nargs=2, metavar=("ONE", "MANY"), help="both in Russian: гарантия гарантии")

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge the name, write everything or nothing, and say what is left."""
        app, root = options["name"], Path(settings.BASE_DIR)
        names = Names(app, options["thing"] or guess_thing(app), options["russian"] and tuple(options["russian"]))
        if not (root / "tests").is_dir():
            raise CommandError("an app is made in a checkout: this has no tests")
        try:
            require_free(names, root, taken=_taken(app), things=_things())
        except BadName as error:
            raise CommandError(str(error)) from None
        try:
            with making.undone(root, app):
                making.write_app(root, names)
                making.write_lists(root, names)
                for step in STEPS:
                    _run(root, [part.format(app=app) for part in step])
        except making.ListChanged as error:
            raise CommandError(f"{error}; nothing is left of it") from None
        self.stdout.write(LEFT.format(app=app, thing=names.thing))


def _taken(app: str) -> set[str]:
    """Return what no new app may be called; `app` is among it where the API has an address of that name."""
    taken = {*STORES, *ROLES, *(config.label for config in apps.get_app_configs())}
    try:
        resolve(f"/api/v1/{app}")
    except Resolver404:
        return taken
    return taken | {app}


def _things() -> set[str]:
    """Return names of models, and of what messages are about."""
    models = {model._meta.model_name or "" for model in apps.get_models()}
    return models | {message.aggregate for message in REGISTRY.values()}


def _run(root: Path, command: list[str]) -> None:
    """Run a step as it is run by hand. Raises CommandError with what it said."""
    quiet = [sys.executable, "-W", "ignore::RuntimeWarning", *command]
    done = subprocess.run(quiet, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise CommandError(f"{' '.join(command)} failed, and nothing is left of the app:\n" + "\n".join(said))
