"""Statements are kept for whoever asks, and for nobody else: background processes live for weeks."""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db(databases=["catalog"])


def ask(count):
    for _ in range(count):
        with connections["catalog"].cursor() as cursor:
            cursor.execute("SELECT 1")


def test_debug_keeps_no_statements(settings):
    settings.DEBUG = True
    before = len(connections["catalog"].queries_log)
    ask(20)
    assert len(connections["catalog"].queries_log) == before


def test_statements_are_kept_while_somebody_listens():
    with CaptureQueriesContext(connections["catalog"]) as asked:
        ask(3)
    assert len(asked) == 3
