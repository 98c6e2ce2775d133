"""The declarations are whole: what they name exists, and the page that shows them is theirs."""

import re

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from config.celery import app as celery
from core.db import transaction
from gateway.approvals import ALWAYS, NEVER, Undeclared, kinds, let, require_permit, rules
from gateway.approvals.page import render
from messaging.delivery.calls import _operations
from messaging.subscriptions import subscriptions
from tests.permissions import table
from tests.value.doors import declared, doors, harmless


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_what_a_declaration_names_exists(kind):
    for path in filter(None, (kind.run, kind.noted, kind.refused)):
        assert callable(import_string(path))
    assert bool(kind.run) == (kind.limit != NEVER)
    assert kind.limit in (ALWAYS, NEVER) or getattr(settings, kind.limit) > 0
    assert kind.news.app() == kind.app


def test_the_page_shows_the_declarations():
    page = (settings.BASE_DIR / "docs" / "value-leaving.md").read_text()
    assert page == render(), "run manage.py value_leaving"


def test_what_sets_a_rule_off_exists():
    celery.loader.import_default_modules()
    heard = {re.sub(r"\{[^}]*\}", "{}", way) for one in rules() for way in one.heard}
    endpoints = {f"{row.method} {row.path}" for row in table.rows()}
    assert heard - {*endpoints, *subscriptions(), *celery.tasks, *_operations, "pages of the storefront"} == set()


@pytest.mark.django_db(databases=["payments"])
def test_value_does_not_leave_by_a_way_that_nobody_declared():
    with transaction("payments"):
        with pytest.raises(Undeclared):
            require_permit("payments")
        let(next(rule for rule in rules() if rule.app == "payments"))
        require_permit("payments")
    with transaction("payments"), pytest.raises(Undeclared):
        require_permit("payments")


def test_every_declared_door_is_there():
    assert declared() <= doors()


def test_every_door_is_declared_or_said_to_be_harmless():
    """A new endpoint, action, page or command is one or the other: say which, in approvals.py or in harmless.txt."""
    known = harmless()
    assert set(known) == doors() - declared()
    assert all(known.values())
