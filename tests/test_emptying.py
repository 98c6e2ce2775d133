"""Tests that commit leave databases as their migrations do."""

import pytest
from django.db import connections

from core.approvals import KnowPerson
from core.ids import uuid7
from financing.models import WorkCalendarYear
from financing.tests import make
from gateway.people import follow_people
from tests import emptying

pytestmark = pytest.mark.django_db(databases=["financing"], transaction=True)


def ask(statement):
    with connections["financing"].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_what_a_test_wrote_goes_and_what_migrations_ship_comes_back():
    shipped = set(WorkCalendarYear.objects.values_list("year", "source"))
    make.programme()
    make.override(make.application(**make.REFUSED))  # a history: triggers refuse that it is deleted
    WorkCalendarYear.objects.filter(year=2025).delete()
    WorkCalendarYear.objects.update(source="nobody")
    assert ask("SELECT count(*) FROM financing_override")
    emptying.empty("financing")
    emptied = {*emptying._list_tables("financing")} - {"financing_workcalendaryear"}
    assert not any(ask(f"SELECT count(*) FROM {table}") for table in emptied)
    assert set(WorkCalendarYear.objects.values_list("year", "source")) == shipped != set()


def test_a_table_that_grew_is_truncated():
    people = [KnowPerson(person_id=uuid7(), name="Анна" * 50, phone="", email="", version_number=1) for _ in range(200)]
    follow_people("financing", people)
    assert ask("SELECT pg_relation_size('gateway_known_person')") > emptying.SMALL
    emptying.empty("financing")
    assert ask("SELECT pg_relation_size('gateway_known_person')") == 0


def test_triggers_are_at_work_again():
    make.programme()
    emptying.empty("financing")
    assert ask("SHOW session_replication_role") == "origin"
