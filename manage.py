#!/usr/bin/env python
"""Django's command line for Autosalon."""

import os
import sys

INTERRUPTED = 130
"""What shells call an end by Ctrl-C: 128 and the number of the signal."""


def main() -> None:
    """Run a management command; Ctrl-C, at whatever moment, and an unusable data folder are no traceback."""
    if sys.argv[1:] in (["version"], ["--version"]):
        from config import __version__

        print(f"autosalon {__version__}")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run() -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from core import context
    from core.ids import uuid7

    context.bind({"request_id": str(uuid7())})
    try:
        execute_from_command_line(sys.argv)
    except PermissionError as error:
        sys.exit(f"autosalon: cannot write {error.filename}: give this user the folder, or set AUTOSALON_DATA_DIR")
    except ImproperlyConfigured as error:
        sys.exit(f"autosalon: {error}")


if __name__ == "__main__":
    main()
