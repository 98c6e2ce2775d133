"""Make the renditions of pictures that lack some: `manage.py render_pictures`; run again, it makes none."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.progress import Progress

from catalog import services
from catalog.operations import render_next


class Command(BaseCommand):
    help = "Make the sizes and formats that pictures from before an update lack, beside whatever workers make."

    def handle(self, *args: Any, **options: Any) -> None:
        """Queue what is lacking, and work the queue off."""
        queued = services.queue_renditions(now=timezone.now())
        with Progress(transient=True) as progress, ThreadPoolExecutor(1) as pool:
            task = progress.add_task("pictures", total=queued)
            while render_next(pool):
                progress.advance(task)
        self.stdout.write(f"{queued} pictures queued, {services.queue_renditions(now=timezone.now())} left")
