"""A worker whose broker dies while it holds a message lets go of the connection, and stays alive to connect anew."""

import os
import signal

import pytest
from celery import Celery
from celery.worker import consumer
from kombu import Connection, Queue

from config.celery import app
from config.processes.consumer import Consumer
from devtools.embedded import Embedded


@pytest.fixture
def lost(tmp_path):
    """A connection that waits for more while nobody has acknowledged its last message, to a Valkey that was killed."""
    servers = Embedded(tmp_path)
    servers.start(postgres=False)
    try:
        connection = Connection(f"redis+socket://{servers.redis_socket}")
        queue = Queue("cars")(connection.default_channel)
        queue.declare()
        connection.Producer().publish({}, routing_key="cars")
        assert queue.get() is not None
        for channel in (connection.default_channel, connection.channel()):  # tasks, and words to the worker
            channel.basic_consume("cars", False, print, "worker")
            connection.transport.cycle._register_BRPOP(channel)
        os.kill(servers.valkey_pid(), signal.SIGKILL)
        yield connection
    finally:
        servers.stop()


def leave(kind, connection):
    """Do what a worker does when reading from its broker fails."""
    worker = object.__new__(kind)
    worker.app, worker.connection, worker.initial_prefetch_count = Celery(), connection, 1
    worker.app.conf.worker_enable_prefetch_count_reduction = False
    worker.on_connection_error_after_connected(ConnectionResetError(104, "reset by peer"))
    return worker


def test_a_broker_that_dies_with_a_message_in_hand_does_not_end_the_worker(lost):
    assert leave(Consumer, lost).connection is None
    assert not lost.connected


def test_workers_use_it():
    assert app.conf.worker_consumer == f"{Consumer.__module__}:{Consumer.__name__}"


def test_celery_itself_would_end(lost):
    """Fails as soon as Celery and kombu let go by themselves: ours is to be taken out then."""
    with pytest.raises(AttributeError, match="hostname"):
        leave(consumer.Consumer, lost)
