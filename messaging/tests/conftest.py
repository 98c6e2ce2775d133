"""Share what tests of peers need."""

import re

import psycopg
import pytest

from config.databases import APPS
from messaging.peering import peers
from messaging.tests.line import Line

SECRET = "s" * 32


@pytest.fixture
def line(settings, monkeypatch):
    """The same process on both ends; to whoever asks, no app is here."""
    settings.PEERS = dict.fromkeys(APPS, "http://peer:8000")
    settings.PEER_SECRETS = [SECRET]
    running = Line()
    monkeypatch.setattr(peers, "_client", lambda: running)
    monkeypatch.setattr(peers, "is_here", lambda app: False)
    return running


_APP = re.compile(r"autosalon_([a-z]+)")
"""The app in the name of its database, which ends with the worker's where several share the tests."""


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, str]]:
    """Every statement from now on, by whatever cursor: the app whose database it is, and its text."""
    told = list[tuple[str, str]]()
    execute = psycopg.Cursor.execute

    def listen(cursor, query, *arguments, **options):
        if "SAVEPOINT" not in str(query):
            told.append((_APP.search(cursor.connection.info.dbname)[1], str(query)))
        return execute(cursor, query, *arguments, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", listen)
    return told
