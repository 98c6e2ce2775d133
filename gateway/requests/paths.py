"""Ids from outside: in paths one pattern lets them in and views are given UUIDs, in forms they are read here."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.errors import NotFound
from core.ids import find_uuid

UUID_PATTERN = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
"""What stands for an id in a path; anything else leads nowhere."""


def with_ids(words: Mapping[str, str]) -> dict[str, Any]:
    """Return the words of a path with its ids, `pk` and `…_id`, as UUIDs: their pattern lets nothing else in."""
    return {name: UUID(word) if name == "pk" or name.endswith("_id") else word for name, word in words.items()}


def required_uuid(text: str) -> UUID:
    """Return the id that a text from outside is. Raises NotFound: what is no id names nothing."""
    found = find_uuid(text)
    if found is None:
        raise NotFound
    return found
