"""Share what tests of peers and of brokers need."""

import re

import kombu
import psycopg
import pytest

from config.databases import APPS
from messaging.peering import peers
from messaging.publishing.topics import EXCHANGE, UNROUTED
from messaging.tests.line import Line
from messaging.tests.rabbit import Rabbit, server_program

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


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    if server_program() is None:
        pytest.skip("rabbitmq-server is not installed here (Debian: apt-get install rabbitmq-server)")
    node = Rabbit(tmp_path_factory.mktemp("rabbitmq"))
    try:
        yield node.start()
    finally:
        node.stop()


@pytest.fixture
def rabbit(node, settings):
    if node.process is None:
        node.start()
    settings.STREAM_URL = node.url
    with kombu.Connection(node.url) as connection:
        channel = connection.channel()
        channel.queue_delete(UNROUTED)
        channel.exchange_delete(EXCHANGE)
    return node
