"""Moments come from the database by a quick reader that says what Django's own would."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import DataError, connections
from hypothesis import given
from hypothesis import strategies as st

from core.db import OutsideTransaction, database_now, fetch, know_moment, transaction

MICROSECOND = timedelta(microseconds=1)
pytestmark = pytest.mark.django_db(databases=["catalog"])
WRITTEN = st.integers(-(10**15), 10**17).map(lambda count: datetime(2026, 1, 1, tzinfo=UTC) + count * MICROSECOND)


@given(WRITTEN)
def test_every_moment_is_read_as_it_was_written(moment):
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [moment])
        ((by_django,),) = cursor.fetchall()
    ((by_us,),) = fetch("catalog", "SELECT %s::timestamptz", [moment])
    assert by_django == by_us == moment
    assert by_django.tzinfo is by_us.tzinfo is UTC
    assert str(by_us) == str(moment), "cursors of lists are made of the text"


def test_no_moment_goes_by_the_regular_expression(monkeypatch):
    slow = []
    monkeypatch.setattr(psycopg.types.datetime.TimestamptzLoader, "load", lambda self, data: slow.append(data))
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT now(), date_trunc('second', now()), '2026-01-01 12:00:00.5'::timestamptz")
        row = cursor.fetchone()
    assert slow == []
    assert row[2] == datetime(2026, 1, 1, 12, 0, 0, 500_000, UTC)


def test_a_session_elsewhere_tells_the_same_moment():
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'Asia/Kolkata'")
        cursor.execute("SELECT '2026-01-01 12:00Z'::timestamptz, '2026-01-01 12:00Z'::timestamptz::text")
        moment, text = cursor.fetchone()
    assert text.endswith("+05:30")
    assert (moment, moment.tzinfo) == (datetime(2026, 1, 1, 12, tzinfo=UTC), UTC)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC"])
def test_what_is_no_moment_of_pythons_is_refused_as_ever(moment):
    with pytest.raises(DataError):
        fetch("catalog", "SELECT %s::timestamptz", [moment])


@pytest.mark.parametrize("fails", [False, True])
def test_a_moment_that_was_told_is_known_until_its_transaction_ends(fails):
    told = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        with transaction("catalog"):
            know_moment("catalog", told)
            with transaction("catalog"):
                assert database_now("catalog") == told
            assert database_now("catalog") == told
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert database_now("catalog") > told + timedelta(days=30)
    with pytest.raises(OutsideTransaction):
        know_moment("catalog", told)
