"""Every check there is: importing this imports all modules that declare some."""

from config.health import databases, outside  # noqa: F401  (they declare themselves)
from config.health.checks import CHECKS, Check


def all_checks() -> dict[str, Check]:
    """Return every declared check by its name."""
    return CHECKS
