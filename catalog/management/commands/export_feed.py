"""Write a marketplace feed: `manage.py export_feed --format yml|csv [--output FILE]`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from catalog import queries
from core.files.whole import replacing


class Command(BaseCommand):
    help = "Write everything that can be bought now as a feed for marketplaces, YML (XML) or CSV."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--format", choices=["yml", "csv"], default="yml")
        parser.add_argument("--output", type=Path, help="file to write; replaced as a whole. Default: the screen")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = queries.yml_feed(timezone.now()) if options["format"] == "yml" else queries.csv_feed()
        if not options["output"]:
            sys.stdout.writelines(lines)
            return
        with replacing(options["output"]) as output:
            output.writelines(line.encode() for line in lines)
        self.stdout.write(f"{options['output']}: {options['output'].stat().st_size:,} bytes")
