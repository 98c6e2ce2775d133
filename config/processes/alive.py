"""A worker's sign of life: a file touched by the loop that takes work, so that a health check needs no Python."""

from pathlib import Path
from typing import Any

from celery import bootsteps

EVERY_S = 5.0


class Alive(bootsteps.StartStopStep):  # type: ignore[misc]
    """Touches `--alive-file` by the worker's own timer; a loop that hangs, or has lost Valkey for long, does not."""

    requires = {"celery.worker.components:Timer"}

    def __init__(self, worker: Any, alive_file: str | None = None, **options: Any) -> None:
        """Take the option that `config.celery` adds to the command line."""
        super().__init__(worker, **options)
        self.file = Path(alive_file) if alive_file else None
        self.timer: Any = None

    def start(self, worker: Any) -> None:
        """Begin with the loop."""
        if self.file is not None:
            self.timer = worker.timer.call_repeatedly(EVERY_S, self.file.touch)

    def stop(self, worker: Any) -> None:
        """End with it."""
        if self.timer is not None:
            self.timer.cancel()
