"""Write a list of clients: `manage.py export_clients FILE [--clear] [--filter NAME=VALUE]`."""

import argparse
import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from clients import services
from clients.api.filters import ClientFilter
from clients.models import Client
from core.files.whole import replacing
from core.importing.console import ProgressBars
from core.importing.runs import WRITING
from gateway.responses.tables import FORMATS, encode_table

PRIVATE = 0o600
"""The file may hold everybody's phones: its owner alone reads it."""
SHOWN_EVERY = 100


class Command(BaseCommand):
    help = "Export clients to CSV, CSV.gz or XLSX; the file is whole or not there, and can be imported again."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="ends with .csv, .csv.gz or .xlsx; replaced as a whole")
        parser.add_argument(
            "--clear", action="store_true", help="phones, e-mails, numbers and notes in full, not masked"
        )
        parser.add_argument(
            "--filter", action="append", default=[], metavar="NAME=VALUE", help="as in GET /clients: type=person"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        filters = dict(_pair(text) for text in options["filter"])
        kind, clients = _kind(path), _chosen(filters)
        rows = services.export_clients(
            clients=clients,
            actor=f"export_clients: {getpass.getuser()}"[:80],
            is_clear=options["clear"],
            kind=kind,
            filters=filters,
            now=timezone.now(),
        )
        try:
            count = self._write(path, kind, rows, clients.count(), hidden=options["verbosity"] == 0)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}. Nothing was written.") from error
        manner = "in full" if options["clear"] else "masked; --clear writes them in full"
        self.stdout.write(f"{count} clients to {path}, {manner}")

    def _write(self, path: Path, kind: str, rows: Iterator[list[str]], total: int, *, hidden: bool) -> int:
        counted = _Counted(rows)
        with replacing(path, mode=PRIVATE) as output, ProgressBars({WRITING: "writing"}, hidden=hidden) as bars:
            counted.report = lambda count: bars(WRITING, count, total)
            for piece in encode_table(counted, kind):
                output.write(piece)
            bars(WRITING, counted.count, counted.count)
        return counted.count


class _Counted:
    """Rows that say how many of them went, the header left out."""

    def __init__(self, rows: Iterator[list[str]]) -> None:
        self.rows, self.count, self.report = rows, 0, lambda count: None

    def __iter__(self) -> Iterator[list[str]]:
        yield next(self.rows)
        for row in self.rows:
            yield row
            self.count += 1
            if self.count % SHOWN_EVERY == 0:
                self.report(self.count)


def _kind(path: Path) -> str:
    ending = next((kind for kind in FORMATS if path.name.lower().endswith(f".{kind.replace('-', '.')}")), None)
    if ending is None:
        raise CommandError(f"{path}: the name must end with .csv, .csv.gz or .xlsx.")
    return ending


def _chosen(filters: dict[str, str]) -> QuerySet[Client]:
    chosen = ClientFilter(filters, queryset=Client.objects.present())
    if unknown := sorted(filters.keys() - chosen.filters.keys()):
        raise CommandError(f"--filter {unknown[0]}: one of {', '.join(sorted(chosen.filters))}.")
    if not chosen.is_valid():
        name, errors = next(iter(chosen.errors.items()))
        raise CommandError(f"--filter {name}: {errors[0]}")
    found: QuerySet[Client] = chosen.qs
    return found


def _pair(text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair:
        raise CommandError(f"--filter {text}: write NAME=VALUE")
    return name.strip(), value.strip()
