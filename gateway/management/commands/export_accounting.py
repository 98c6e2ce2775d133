"""Write what accounting is given of some days into files: `manage.py export_accounting FOLDER --from DAY --to DAY`."""

import getpass
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import InvalidInput
from core.files.accounting import Section, Span, build_table, read_span
from core.files.commerceml import write_commerceml
from core.files.whole import replacing
from core.importing.console import ProgressBars
from gateway.accounting.gathering import contributions, list_missing
from gateway.responses.tables import encode_table, in_pieces

T = TypeVar("T")
PRIVATE = 0o600
"""The files tell what a company bought: their owner alone reads them."""
SHOWN_EVERY = 50
XML = "commerceml"
log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Export journal, sales, money and stock as CSV, and all of them as CommerceML 2.05 (1C)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="files of the same days are replaced, each as a whole")
        parser.add_argument("--from", dest="since", type=date.fromisoformat, required=True, help="the dealer's day")
        parser.add_argument("--to", dest="until", type=date.fromisoformat, required=True, help="last day, included")
        parser.add_argument("--format", choices=["all", "csv", XML], default="all")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            span = read_span(options["since"], options["until"])
        except InvalidInput as error:
            raise CommandError(f"--{error.errors[0]['field']}: {error.detail}") from error
        if missing := list_missing():
            raise CommandError(f"not here: {', '.join(missing)}; run it where the databases of their apps are")
        log.info("accounting_exported", actor=getpass.getuser(), since=str(span.since), until=str(span.until))
        found = contributions()
        stages = {section.value: section.value for section in found} if options["format"] != XML else {}
        stages |= {XML: XML} if options["format"] != "csv" else {}
        try:
            options["folder"].mkdir(parents=True, exist_ok=True)
            with ProgressBars(stages, hidden=options["verbosity"] == 0) as bars:
                for stage in stages:
                    path, count = self._write(options["folder"], stage, span, bars)
                    self.stdout.write(f"{count} papers to {path}")
        except OSError as error:
            raise CommandError(f"{options['folder']}: {error.strerror or error}") from error

    def _write(self, folder: Path, stage: str, span: Span, bars: ProgressBars) -> tuple[Path, int]:
        """Write one file, and return where it is and how many papers it has."""
        path = folder / f"{stage}-{span.since}-{span.until}.{'xml' if stage == XML else 'csv'}"
        items = [item for _app, item in contributions().values() if stage in (XML, item.section)]
        total = sum(item.count(span) for item in items)
        papers = _Counted((paper for item in items for paper in item.read(span)), lambda n: bars(stage, n, total))
        if stage == XML:
            pieces = in_pieces(write_commerceml(papers, timezone.now(), settings.DEALER["name"]))
        else:
            pieces = encode_table(build_table(Section(stage), iter(papers)), "csv")
        with replacing(path, mode=PRIVATE) as output:
            for piece in pieces:
                output.write(piece)
        bars(stage, papers.count, papers.count)
        return path, papers.count


class _Counted(Iterable[T]):
    """Items that say how many of them went."""

    def __init__(self, items: Iterable[T], report: Callable[[int], None]) -> None:
        self.items, self.report, self.count = items, report, 0

    def __iter__(self) -> Iterator[T]:
        for item in self.items:
            yield item
            self.count += 1
            if self.count % SHOWN_EVERY == 0:
                self.report(self.count)
