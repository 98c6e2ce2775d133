"""Keep what has been released: the facts that today's code must get along with, in releases.json beside this file.

Kept in a file and not asked of git: images and shallow clones have no tags.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.environment import BASE_DIR

FILE = Path(__file__).with_name("releases.json")


@dataclass(frozen=True)
class Release:
    """One release: its version, the commit its tag names, its part of the changelog and each app's last migration."""

    version: str
    commit: str
    changelog: str
    """SHA-256 of its section in CHANGELOG.md: what a release brought is not written anew later."""
    migrations: dict[str, str]

    @property
    def tag(self) -> str:
        """The name of its tag in git."""
        return f"v{self.version}"


@cache
def releases() -> tuple[Release, ...]:
    """All releases, oldest first."""
    return tuple(Release(**one) for one in json.loads(FILE.read_text()))


def last_release() -> Release:
    """The release that may still run beside today's code."""
    return releases()[-1]


def changelog() -> dict[str, str]:
    """The sections of CHANGELOG.md by version, newest first; what is not released yet is `Unreleased`."""
    _, *sections = re.split(r"^## ", (BASE_DIR / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    return {each.split(maxsplit=1)[0]: each for each in sections}


def digest(section: str) -> str:
    """Return what stands for a section of the changelog."""
    return hashlib.sha256(section.strip().encode()).hexdigest()
