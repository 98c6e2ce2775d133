import pytest
from django.db import connections

from core.db import NARROW, SEEDED, lock, session_lock, transaction, try_lock, try_session_lock

pytestmark = pytest.mark.django_db(databases=["orders"], transaction=True)


@pytest.fixture
def neighbour():
    """A connection as a process of another release has it, which asks for the lock's number by itself."""
    other = connections["orders"].copy()
    yield lambda sql: ask(other, f"SELECT {sql}")
    other.close()


def ask(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_names_are_locked_until_the_transaction_ends(neighbour):
    with transaction("orders"):
        lock("orders", "b", "a", "a")
        lock("orders", "old", number=NARROW)
        for number in ("hashtextextended('a', 0)", "hashtextextended('b', 0)", "hashtext('old')"):
            assert not neighbour(f"pg_try_advisory_xact_lock({number})"), number
    assert neighbour("pg_try_advisory_xact_lock(hashtextextended('a', 0))")


def test_who_shares_a_lock_shuts_out_who_wants_it_alone(neighbour):
    with transaction("orders"):
        lock("orders", "a", shared=True)
        assert neighbour("pg_try_advisory_xact_lock_shared(hashtextextended('a', 0))")
        assert not neighbour("pg_try_advisory_xact_lock(hashtextextended('a', 0))")


def test_nobody_waits_who_only_tries(neighbour):
    neighbour("pg_advisory_lock(hashtext('a'))")
    neighbour("pg_advisory_lock(7)")
    with transaction("orders"):
        assert not try_lock(connections["orders"], "a", number=NARROW)
        assert try_lock(connections["orders"], "b", number=NARROW)
    assert not try_session_lock(connections["orders"], 7)


@pytest.mark.parametrize(
    ("options", "number"), [({}, "hashtext('a'), 2"), ({"number": SEEDED}, "hashtextextended('a', 2)")]
)
def test_a_session_takes_a_free_place_and_gives_it_back(neighbour, options, number):
    neighbour(f"pg_advisory_lock({number.replace('2', '1')})")
    with session_lock("orders", "a", [1], **options) as is_mine:
        assert not is_mine
    with session_lock("orders", "a", [1, 2], idle_limit="50s", **options) as is_mine:
        assert is_mine
        assert not neighbour(f"pg_try_advisory_lock({number})")
        assert ask(connections["orders"], "SHOW idle_session_timeout") == "50s"
    assert neighbour(f"pg_try_advisory_lock({number})")
    assert ask(connections["orders"], "SHOW idle_session_timeout") == "0"
