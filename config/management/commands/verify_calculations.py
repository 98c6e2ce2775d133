"""Answer published worked examples with our calculations and print every value that differs."""

from argparse import ArgumentParser
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from financing.rules.calculations import vectors as finance
from financing.rules.calculations.vectors import Answer, Report

INSURANCE_VECTORS = "insurance.rules.rating.vectors"


def every_kind() -> Mapping[str, Answer]:
    """The kinds of all apps that calculate: the one place that knows both."""
    return {**finance.KINDS, **import_module(INSURANCE_VECTORS).KINDS}


class Command(BaseCommand):
    """Exits with 1 unless every vector of every file is answered within its tolerance."""

    help = "Check the loan and insurance arithmetic against files of published examples."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a JSON file of vectors")

    def handle(self, *args: Any, **options: Any) -> None:
        reports = [self._verify(file) for file in options["files"]]
        passed, total = sum(report.passed for report in reports), sum(report.total for report in reports)
        self.stdout.write(f"{passed}/{total}")
        if passed != total:
            raise SystemExit(1)

    def _verify(self, file: str) -> Report:
        try:
            report = finance.verify(file, every_kind())
        except (OSError, LookupError, ValueError) as error:
            raise CommandError(f"{file}: not a file of vectors: {error}") from error
        for mismatch in report.mismatches:
            self.stderr.write("{}: {} {}: expected {}, got {}".format(file, *self._named(mismatch)))
        for kind in report.unknown_kinds:
            self.stderr.write(f"{file}: unknown kind {kind}")
        return report

    @staticmethod
    def _named(mismatch: finance.Mismatch) -> tuple[Any, ...]:
        return f"{mismatch.kind} {mismatch.vector}", mismatch.key, mismatch.expected, mismatch.actual
