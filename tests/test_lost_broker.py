"""A worker whose broker dies while it holds a message lets go of the connection, and stays alive to connect anew."""

import logging
import os
import signal

import pytest
from celery import Celery
from celery.worker.consumer import Consumer
from kombu import Connection, Queue
from kombu.transport import redis

from config.celery import app
from config.processes.broker import Transport
from devtools.embedded import Embedded


@pytest.fixture
def valkey(tmp_path):
    servers = Embedded(tmp_path)
    servers.start(postgres=False)
    try:
        yield servers
    finally:
        servers.stop()


def lose(valkey):
    """Return a connection that waits for more, its last message unacknowledged, and that message; Valkey is killed."""
    connection = Connection(f"redis+socket://{valkey.redis_socket}")
    queue = Queue("cars")(connection.default_channel)
    queue.declare()
    connection.Producer().publish({}, routing_key="cars")
    message = queue.get()
    for channel in (connection.default_channel, connection.channel()):  # tasks, and words to the worker
        channel.basic_consume("cars", False, print, "worker")
        connection.transport.cycle._register_BRPOP(channel)
    os.kill(valkey.valkey_pid(), signal.SIGKILL)
    return connection, message


def leave(connection):
    """Do what a worker does when reading from its broker fails."""
    worker = object.__new__(Consumer)
    worker.app, worker.connection = Celery(set_as_current=False), connection
    worker.app.conf.worker_enable_prefetch_count_reduction = False
    worker.on_connection_error_after_connected(ConnectionResetError(104, "reset by peer"))


def test_whoever_speaks_to_valkey_uses_it():
    assert isinstance(app.connection_for_read().transport, Transport)
    for scheme in ("redis", "rediss"):
        assert isinstance(Connection(f"{scheme}://127.0.0.1").transport, Transport)


@pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
def test_a_broker_that_dies_with_a_message_in_hand_does_not_end_the_worker(valkey):
    connection, _ = lose(valkey)
    leave(connection)
    assert not connection.connected


@pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
def test_nor_does_an_acknowledgement_that_comes_after_it(valkey, caplog):
    connection, message = lose(valkey)
    errors = connection.connection_errors
    leave(connection)
    message.ack_log_error(logging.getLogger("worker"), errors)
    assert "Couldn't ack" in caplog.text


@pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
def test_kombu_itself_would_end_it(valkey, monkeypatch):
    """Fails as soon as kombu lets go by itself: ours is to be taken out then."""
    monkeypatch.setattr(Transport, "Channel", redis.Channel)
    connection, _ = lose(valkey)
    with pytest.raises(AttributeError, match="hostname"):
        leave(connection)
