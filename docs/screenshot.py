"""Takes the README's picture of the running product: `make up` in one terminal, `make screenshot` in another.

Needs a Chromium or Chrome on the PATH (Debian: apt-get install chromium) or its path in CHROMIUM.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from config.processes.running import running_address  # noqa: E402

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


def main() -> int:
    """Take one picture; the exit code tells whether there is one."""
    arguments = parse_arguments()
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
    if not browser:
        print("no Chromium found: install it (Debian: apt-get install chromium) or set CHROMIUM", file=sys.stderr)
        return 1
    if not arguments.url:
        print("nothing runs in this checkout: start it with `make up`, or say where with --url", file=sys.stderr)
        return 1
    if not is_up(arguments.url):
        print(f"nothing answers at {arguments.url}: start it with `make up` first", file=sys.stderr)
        return 1
    take(browser, arguments)
    if not arguments.out.is_file():
        print("the browser made no picture", file=sys.stderr)
        return 1
    print(f"wrote {arguments.out}")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read what to photograph, how large, and where to put it."""
    data_dir = Path(os.environ.get("AUTOSALON_DATA_DIR") or HERE.parent / ".data")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=running_address(data_dir))
    parser.add_argument("--out", type=Path, default=HERE / "screenshot.png")
    parser.add_argument("--size", default="1280,1100", help="width,height in CSS pixels")
    parser.add_argument("--language", default="ru", choices=["ru", "en"])
    parser.add_argument("--dark", action="store_true")
    return parser.parse_args()


def is_up(url: str) -> bool:
    """Tell whether the product answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def take(browser: str, arguments: argparse.Namespace) -> None:
    """Run the browser once, with a profile of its own that is thrown away."""
    arguments.out.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="autosalon-browser-") as profile:
        options = [
            f"--user-data-dir={profile}",
            f"--window-size={arguments.size}",
            f"--lang={arguments.language}",
            f"--accept-lang={arguments.language}",
            f"--screenshot={arguments.out.resolve()}",
            "--virtual-time-budget=3000",
        ]
        if arguments.dark:
            options.append("--blink-settings=preferredColorScheme=0")
        subprocess.run(
            [browser, *QUIET, *options, arguments.url], check=False, timeout=120, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
