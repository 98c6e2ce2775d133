#!/usr/bin/env python
"""Django's command line for Autosalon."""

import os
import sys


def main() -> None:
    """Run a management command; an unusable data folder is one plain line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
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
