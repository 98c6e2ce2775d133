"""A worker's child with nothing to do keeps no sessions, and loses none while it works."""

import threading

import pytest
from django.db import connections

from config.processes import idle
from core.db import fetch, transaction

pytestmark = pytest.mark.django_db(databases=["catalog"], transaction=True)


@pytest.fixture
def idleness(monkeypatch) -> idle.Idleness:
    monkeypatch.setattr(idle, "IDLE_S", 0.0)
    return idle.Idleness()


def close_from_another_thread(idleness: idle.Idleness) -> None:
    thread = threading.Thread(target=idleness.close_sessions)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def session() -> int:
    ((pid,),) = fetch("catalog", "SELECT pg_backend_pid()", ())
    return pid


def test_sessions_are_closed_after_a_while_and_opened_anew(idleness):
    before = session()
    idleness.begin()
    close_from_another_thread(idleness)
    assert connections["catalog"].connection.closed
    idleness.end()
    assert session() != before
    with transaction("catalog"), connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] == session()


def test_nothing_is_closed_before_its_time(idleness, monkeypatch):
    monkeypatch.setattr(idle, "IDLE_S", 60.0)
    before = session()
    idleness.begin()
    close_from_another_thread(idleness)
    assert session() == before


def test_nothing_is_closed_during_a_task(idleness):
    before = session()
    idleness.begin()
    idleness.end()
    close_from_another_thread(idleness)
    assert session() == before
