"""Record the examples of the OpenAPI document anew: `make examples`, with tests of new operations as arguments."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import django

from tests.examples import VARIABLE

SETTINGS = "DJANGO_SETTINGS_MODULE"


def main() -> int:
    """Run the tests that were chosen before and those asked for, choose, and write docs/examples.json."""
    django.setup()
    from gateway.document.examples import recorded
    from tests.examples.choose import choose, failed, read, sources, write

    before = recorded()
    with tempfile.TemporaryDirectory() as folder:
        named = sorted({*sources(before), *sys.argv[1:]})
        surroundings = {name: value for name, value in os.environ.items() if name != SETTINGS} | {VARIABLE: folder}
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *named]
        code = subprocess.run(command, env=surroundings, check=False).returncode
        if code > 1 or failed(Path(folder)) & sources(before):
            print("nothing written: the tests that examples are from have to pass", file=sys.stderr)
            return code
        write(choose(read(Path(folder)), before))
    return 0


if __name__ == "__main__":
    os.environ.setdefault(SETTINGS, "config.settings")
    sys.exit(main())
