"""Hold every table that keeps history to being only added to, in the database itself."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, connections
from django.db.models import JSONField
from django.utils import timezone

from core.db import transaction
from core.postgres.history import FUNCTION, Lapse, OnlyAdded
from messaging.people.departures import let_history_forget
from messaging.people.personal import holdings

pytestmark = pytest.mark.django_db(databases=list(settings.APPS))
PLUMBING = ("gateway", "messaging")
CHANGING = Path(__file__).with_name("changing_tables.txt").read_text().split()
BEFORE_EACH_CHANGED_OR_DELETED_ROW = 1 + 2 + 8 + 16
MODELS = [model for app in (*settings.APPS, *PLUMBING) for model in apps.get_app_config(app).get_models()]
HISTORIES = [model for model in MODELS if hasattr(model, "only_added")]
GUARDED = [
    pytest.param(alias, model, id=f"{alias}.{model._meta.db_table}")
    for model in HISTORIES
    for alias in (settings.APPS if model._meta.app_label in PLUMBING else [model._meta.app_label])
]


def test_every_table_is_only_added_to_or_known_to_change():
    changing = sorted(model._meta.label for model in MODELS if model not in HISTORIES)
    assert changing == CHANGING, "declare `only_added` on the model, or say here that its rows change"


@pytest.mark.parametrize(("alias", "model"), GUARDED)
def test_the_database_holds_to_what_the_model_declares(alias, model):
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """SELECT tgargs, tgtype, tgenabled FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
               WHERE tgrelid = %s::regclass AND proname = %s""",
            [model._meta.db_table, FUNCTION],
        )
        [(rule, when, enabled)] = cursor.fetchall()
    assert json.loads(bytes(rule).rstrip(b"\0")) == model.only_added.rule, "its migration says something else"
    assert (when, enabled) == (BEFORE_EACH_CHANGED_OR_DELETED_ROW, "O")


@pytest.mark.parametrize("model", HISTORIES, ids=lambda model: model._meta.label)
def test_what_is_declared_are_columns(model):
    rule = model.only_added
    named = {*rule.words, *rule.steps, *(name for lapse in rule.lapses for name in (lapse.since, lapse.without))}
    assert named - {""} <= {item.column for item in model._meta.concrete_fields}


def test_erasure_may_empty_what_it_empties():
    """Hold the words of a history to what the declarations of personal data blank in it, and to its JSON."""
    for holding in (holding for app in settings.APPS for holding in holdings(app) if holding.model in HISTORIES):
        documents = {item.column for item in holding.model._meta.concrete_fields if isinstance(item, JSONField)}
        assert {*holding.blank} | documents <= {*holding.model.only_added.words}, holding.model


# The guard -----------------------------------------------------------------------------------------------------------
RULE = OnlyAdded(words=("word",), steps={"state": "new"}, lapses=(Lapse("at", 30), Lapse("at", 2, without="owner")))


@pytest.fixture
def book():
    """A guarded table with a row of today's that has an owner."""

    def run(sql, *parameters, forgets=False):
        with transaction("orders"), connections["orders"].cursor() as cursor:
            if forgets:
                let_history_forget("orders")
            cursor.execute(sql, parameters or None)
            cursor.execute("SELECT set_config('autosalon.forgets', '', true)")

    run("CREATE TABLE book (sum int, word text, state text, at timestamptz, owner int)")
    run(RULE.on("book").sql)
    run("INSERT INTO book VALUES (1, 'Anna', 'new', %s, 7)", timezone.now())
    return run


@pytest.mark.parametrize(
    ("sql", "forgets"),
    [
        ("UPDATE book SET sum = 2", False),
        ("UPDATE book SET sum = 2, word = ''", True),
        ("UPDATE book SET word = 'Boris'", False),
        ("UPDATE book SET state = 'done'; UPDATE book SET state = 'new'", True),
        ("DELETE FROM book", False),
        ("DELETE FROM book", True),
    ],
)
def test_it_refuses(book, sql, forgets):
    with pytest.raises(IntegrityError, match="only added to"):
        book(sql, forgets=forgets)


def test_it_lets_a_step_be_said_once_and_a_person_be_forgotten(book):
    book("UPDATE book SET state = 'done', sum = 1")
    book("UPDATE book SET word = 'a buyer'", forgets=True)
    book("UPDATE book SET word = ''")  # as the release before does it, while both run
    with pytest.raises(IntegrityError, match="only added to"):
        book("UPDATE book SET state = 'undone'")


@pytest.mark.parametrize(("days", "owner", "goes"), [(31, 7, True), (29, 7, False), (3, None, True), (1, None, False)])
def test_old_rows_go(book, days, owner, goes):
    book("INSERT INTO book VALUES (2, '', 'new', %s, %s)", timezone.now() - timedelta(days=days), owner)
    if goes:
        book("DELETE FROM book WHERE sum = 2")
    else:
        with pytest.raises(IntegrityError, match="only added to"):
            book("DELETE FROM book WHERE sum = 2")


def test_a_row_that_may_go_goes_only_to_be_forgotten(book):
    book("ALTER TABLE book RENAME TO papers")
    book(f"DROP TRIGGER book_only_added ON papers; {OnlyAdded(goes=True).on('papers').sql}")
    with pytest.raises(IntegrityError, match="only added to"):
        book("DELETE FROM papers")
    book("DELETE FROM papers", forgets=True)
