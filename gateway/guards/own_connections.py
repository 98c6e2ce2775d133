"""Connections to Valkey that a thread keeps for itself, outside of any pool's count.

redis-py's pool counts every connection that it makes until somebody gives it back. One that never connected, or whose
thread ended, is never given back: after a hundred of them the pool makes no more, for as long as the process lives.
"""

from typing import Any

import redis


def own_connection(pool: redis.ConnectionPool) -> Any:
    """Make a connection as `pool` would, which belongs to the caller alone; it connects at its first use."""
    return pool.connection_class(**pool.connection_kwargs)
