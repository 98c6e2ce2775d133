"""Read moments from the database by Python's own parser, six times quicker than by a regular expression."""

from datetime import UTC, datetime, tzinfo
from typing import Any

from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader

_read = datetime.fromisoformat


class MomentLoader(TimestamptzLoader):
    """Read the moments that Python has; all else, such as `infinity`, is psycopg's to refuse."""

    timezone: tzinfo = UTC
    """What Django asks of a connection's loader, before it puts its own in front."""

    def load(self, data: Buffer) -> datetime:
        """Return the moment in UTC. Raises DataError."""
        try:
            return _read(str(data, "ascii")).astimezone(UTC)
        except (ValueError, OverflowError):
            return super().load(data)


def read_quickly(connection: Any) -> None:
    """Give a new connection the quick reader."""
    connection.adapters.register_loader("timestamptz", MomentLoader)
