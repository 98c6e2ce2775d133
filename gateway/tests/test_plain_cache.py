"""Whoever writes to Valkey hands us data, never code."""

import pickle
from pathlib import Path

import msgspec
import pytest
import redis
from django.conf import settings
from django.core.cache import caches


class Trap:
    """Reading it back by pickle creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("alias", settings.CACHES)
def test_no_cache_runs_what_it_reads(alias, tmp_path):
    cache = caches[alias]
    cache.set("trap", "x", 60)
    server = redis.Redis.from_url(settings.CACHES[alias]["LOCATION"])
    key = cache.make_and_validate_key("trap")
    assert server.get(key) == b'"x"'
    server.set(key, pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(msgspec.DecodeError):
        cache.get("trap")
    cache.delete("trap")
    assert not (tmp_path / "sprung").exists()


def test_numbers_count_and_structures_come_back_plain():
    cache = caches["default"]
    cache.set("number", 1, 60)
    assert cache.incr("number") == cache.get("number") == 2
    cache.set("rows", {"a": [("x", 1)]}, 60)
    assert cache.get("rows") == {"a": [["x", 1]]}


def test_nothing_else_is_unpickled():
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
    assert "Pickle" not in settings.SESSION_SERIALIZER
