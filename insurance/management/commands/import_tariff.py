"""Read a file of tariff rows into the next revision of the tariffs, or say what it would change."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.importing.console import ProgressBars, Report
from core.importing.problems import RowProblem, Unreadable
from core.importing.runs import READING
from insurance.queries.tariff_changes import TariffChanges, compare_rows
from insurance.queries.tariff_files import Meant, read_rows
from insurance.rules.rating.rows import TariffFact
from insurance.rules.rating.tariffs import KT_SOURCE, SINCE_2022
from insurance.services import import_tariff

SHOWN = 50


class Command(BaseCommand):
    """`manage.py import_tariff kt.csv --dry-run`: quotes already made keep the revision they were rated by."""

    help = "Import rows of insurance tariffs: КТ from CSV or XLSX (region, city, kt), or rows of any table from JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command line."""
        parser.add_argument("file", type=Path, help="*.csv, *.csv.gz, *.xlsx or *.json, gzipped or not")
        parser.add_argument("--source", default="", help="where the values were read; stands in every breakdown")
        parser.add_argument(
            "--valid-from",
            type=date.fromisoformat,
            default=SINCE_2022,
            help="first day of the rows that name none (2022-09-13, the day of Bank of Russia 6209-У)",
        )
        parser.add_argument("--valid-to", type=date.fromisoformat, help="last day of the rows that name none; open")
        parser.add_argument("--primary", action="store_true", help="the values were read at their origin")
        parser.add_argument("--note", default="", help="what changed, for the list of revisions")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and write nothing")
        parser.add_argument("--partly", action="store_true", help="import the good rows of a file with refused ones")
        parser.add_argument("--errors", type=Path, help="write the refused rows of a table to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file, whole or not at all unless told otherwise; the same file again changes nothing."""
        path: Path = options["file"]
        try:
            facts, refused = self._read(path, options)
            changes = compare_rows(facts)
            self._show(changes)
            self._list_refused(path, refused, options)
        except (OSError, ValueError, Unreadable) as error:
            raise CommandError(f"{path}: {error}") from error
        if not changes.fresh:
            self.stdout.write(f"nothing new: all {len(facts)} rows are in force already")
        elif options["dry_run"]:
            self.stdout.write(f"would write {len(changes.fresh)} rows of {len(facts)} read; nothing was written")
        else:
            note = options["note"] or f"Import of {path.name}"
            revision = import_tariff(facts=facts, note=note, now=timezone.now())
            self.stdout.write(
                f"revision {revision.number}: {revision.added} rows added, {revision.withdrawn} withdrawn, "
                f"{len(facts)} read"
            )

    def _read(self, path: Path, options: dict[str, Any]) -> tuple[list[TariffFact], Report]:
        facts: list[TariffFact] = []
        refused = Report()
        meant = Meant(
            source=options["source"] or (KT_SOURCE if "osago_kt" in path.name else path.name),
            valid_from=options["valid_from"],
            valid_to=options["valid_to"],
            is_secondary=not options["primary"],
        )
        with ProgressBars({READING: "reading"}, hidden=options["verbosity"] == 0) as bars:
            for row in read_rows(path, meant, lambda done, total: bars(READING, done, total)):
                if isinstance(row, RowProblem):
                    refused.add([row])
                else:
                    facts.append(row)
        return facts, refused

    def _show(self, changes: TariffChanges) -> None:
        """Say what changes, by place, the first ones in full."""
        lines = [f"new      {_place(fact)}: {_value(fact)}" for fact in changes.added]
        lines += [f"changes  {_place(new)}: {_value(old)} -> {_value(new)}" for old, new in changes.replaced]
        for line in lines[:SHOWN]:
            self.stdout.write(line)
        if len(lines) > SHOWN:
            self.stdout.write(f"… and {len(lines) - SHOWN} more")
        self.stdout.write(f"{len(changes.added)} new, {len(changes.replaced)} changed, {changes.unchanged} as they are")

    def _list_refused(self, path: Path, refused: Report, options: dict[str, Any]) -> None:
        if not refused.count:
            return
        refused.show(self.stdout)
        if options["errors"]:
            refused.save(options["errors"], path)
        if not options["partly"] and not options["dry_run"]:
            raise ValueError(f"{refused.count} rows refused, so nothing was written; --partly imports the others")


def _place(fact: TariffFact) -> str:
    whose = f"{fact.insurer} " if fact.insurer else ""
    until = f"…{fact.valid_to}" if fact.valid_to else ""
    return f"{whose}{fact.table} {fact.key or '–'} from {fact.valid_from}{until}"


def _value(fact: TariffFact) -> str:
    return str(fact.value["kt"]) if fact.table == "territories" else str(fact.value)[:60]
