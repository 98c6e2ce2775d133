"""Keep Django's cache in plain JSON: reading it back never runs code, whoever wrote it there."""

from typing import Any

import msgspec


class PlainSerializer:
    """Read and write values of Django's Redis cache as JSON, where its own serializer would pickle them.

    Dataclasses and tuples come back as dicts and lists: a reader names the type it expects (`msgspec.convert`).
    """

    def dumps(self, value: Any) -> bytes:
        """Encode a value. Raises TypeError for one that JSON has no form for."""
        return msgspec.json.encode(value)

    def loads(self, data: bytes) -> Any:
        """Decode a value. Raises msgspec.DecodeError for what is not JSON."""
        return msgspec.json.decode(data)
