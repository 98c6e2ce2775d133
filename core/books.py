"""Define what a check of the books reports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Disagreement:
    """Two records that should tell the same and do not: what kind, which rows, and how they differ."""

    kind: str
    ids: dict[str, str]
    detail: str
