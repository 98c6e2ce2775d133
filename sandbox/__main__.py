"""`python -m sandbox run_sandbox run_sms …`: several sandboxes in one process, which loads none of the shop."""

import importlib
import logging.config
import os
import sys

from django.conf import settings

from sandbox.framework import SandboxCommand, serve


def main(names: list[str]) -> None:
    """Serve the sandboxes of these commands, as each would with no arguments, until stopped."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    logging.config.dictConfig(settings.LOGGING)
    serve([_command(name).configure_alone() for name in names])


def _command(name: str) -> SandboxCommand:
    command: SandboxCommand = importlib.import_module(f"sandbox.management.commands.{name}").Command()
    return command


if __name__ == "__main__":
    main(sys.argv[1:])
