"""Write the tables of apps and of processes into docs/architecture.md, from the declarations."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand

from config.databases import APPS
from core import events
from core.events import REGISTRY, Message
from messaging.subscriptions import list_subscriptions

IMAGE = "autosalon:latest"
LATER = {"migrate", "keys"}
"""Services that end by themselves."""
Rows = Iterable[tuple[str, ...]]


class Command(BaseCommand):
    """`manage.py architecture`."""

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Write what is not current."""
        page = Path(settings.BASE_DIR) / "docs/architecture.md"
        text = page.read_text()
        made = with_tables(text)
        if made != text:
            page.write_text(made)
        self.stdout.write(f"docs/architecture.md is {'current' if made == text else 'written'}")


def with_tables(page: str) -> str:
    """Return a page with the tables between their marks."""
    tables = {
        "apps": (("App", "Publishes", "Asks", "Obeys", "Listens to"), app_rows()),
        "processes": (("Process", "Command", "Waits for"), process_rows()),
    }
    for name, (head, rows) in tables.items():
        lines = [head, tuple("---" for _ in head), *rows]
        table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
        begin, end = f"<!-- {name}: by manage.py architecture -->\n", f"<!-- end of {name} -->\n"
        before, rest = page[: page.index(begin)], page[page.index(end) :]
        page = f"{before}{begin}{table}{rest}"
    return page


def app_rows() -> Iterator[tuple[str, ...]]:
    """Yield what each app publishes, whom it sends commands, whom it obeys and whose facts it hears.

    A command that others' facts imply is obeyed as one that is sent.
    """
    for app in sorted(APPS):
        told = {name.partition(".")[0] for name, each in _messages(app) if not issubclass(each, events.Command)}
        heard = [each for item in list_subscriptions(app) for each in item.messages]
        obeyed = [each for each in heard if issubclass(each, events.Command)]
        implied = [fact for each in obeyed for fact in events.facts_implying(each)]
        yield (
            app,
            ", ".join(f"`{prefix}.*`" for prefix in sorted(told)) or "–",
            _names(each.owner() for _, each in _messages(app) if issubclass(each, events.Command)),
            _names([*(each.app() for each in obeyed if each.type), *(fact.app() for fact in implied)]),
            _names(each.app() for each in heard if each not in obeyed and each.app() != app),
        )


def _messages(app: str) -> list[tuple[str, type[Message]]]:
    return [(name, each) for name, each in REGISTRY.items() if each.app() == app]


def _names(apps: Iterable[str]) -> str:
    return ", ".join(sorted(set(apps))) or "–"


def process_rows() -> Iterator[tuple[str, ...]]:
    """Yield the processes of the production layout that keep running."""
    root = Path(settings.BASE_DIR)
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    [usual] = re.findall(r"^CMD (\[.*\])$", (root / "Dockerfile").read_text(), re.MULTILINE)
    for name, service in services.items():
        if service["image"] == IMAGE and name not in LATER:
            command = service.get("command") or json.loads(usual)
            yield name, f"`{_short(command)}`", ", ".join(sorted(service["depends_on"]))


def _short(command: list[str]) -> str:
    """Leave out of a command what tunes it: options with their values, but for the app and the queues."""
    kept: list[str] = []
    option = ""
    for word in command:
        if word.startswith("-"):
            option = word
        if not option or option in ("-A", "-Q"):
            kept.append(word)
        if not word.startswith("-"):
            option = ""
    return " ".join(kept)
