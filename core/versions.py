"""Hold a change to what its caller has read: a row's version, named by If-Match or by a form's hidden field."""

from core.errors import StaleVersion

Expected = frozenset[int] | None
"""Versions one of which a row must have once it is locked; None lets any through."""


def require_version(version: int, expected: Expected) -> None:
    """Raise StaleVersion where a locked row has none of the expected versions."""
    if expected is not None and version not in expected:
        raise StaleVersion(current=f'"{version}"')
