"""Say in one shape what an app found for staff who look for somebody or something."""

from dataclasses import dataclass
from uuid import UUID

MOST = 8
"""Finds of one kind that a search answers: more than that is what lists are for."""


@dataclass(frozen=True)
class Found:
    """One find: the id its page goes by, how it is called, and what tells it from others."""

    id: UUID
    title: str
    detail: str
