"""Identifiers: UUID version 7, time-ordered so that new rows land at the end of an index."""

import os
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

_RANDOM_MASK = (1 << 74) - 1


UUID_PATTERN = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
"""What stands for an id in a path; anything else leads nowhere."""


def with_ids(words: Mapping[str, str]) -> dict[str, Any]:
    """Return the words of a path with its ids, `pk` and `…_id`, as UUIDs: their pattern lets nothing else in."""
    return {name: UUID(word) if name == "pk" or name.endswith("_id") else word for name, word in words.items()}


def find_uuid(text: str) -> UUID | None:
    """Return the id that a text from outside is; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM_MASK
    high, low = random >> 62, random & ((1 << 62) - 1)
    milliseconds = time.time_ns() // 1_000_000
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)
