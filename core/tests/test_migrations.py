"""The operations for migrations beside an open shop, on a real table with rows."""

import pytest
from django.contrib.postgres.operations import NotInTransactionMixin
from django.db import IntegrityError, connections, migrations, models
from django.db.migrations.state import ProjectState

from core.postgres.migrations import (
    AddForeignKeyNotValid,
    AddUniqueConstraintConcurrently,
    DropColumn,
    DropTable,
    ForgetField,
    ForgetModel,
    ValidateForeignKey,
)

APP = "resources"
pytestmark = pytest.mark.django_db(databases=[APP], transaction=True)


class Shop:
    """Tables of the test's own, and the models that a migration believes in."""

    def __init__(self):
        self.state = ProjectState()

    def apply(self, operation, *, back=False):
        after = self.state.clone()
        operation.state_forwards(APP, after)
        outside = isinstance(operation, NotInTransactionMixin)
        with connections[APP].schema_editor(atomic=not outside) as editor:
            if back:
                operation.database_backwards(APP, editor, after, self.state)
            else:
                operation.database_forwards(APP, editor, self.state, after)
        self.state = self.state if back else after

    def ask(self, sql):
        with connections[APP].cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def constraint(self, kind):
        """Definition and validity of the car's constraint of a kind."""
        return self.ask(
            f"""SELECT pg_get_constraintdef(oid), convalidated FROM pg_constraint
                WHERE conrelid = 'resources_car'::regclass AND contype = '{kind}'"""
        )


@pytest.fixture
def shop():
    made = Shop()
    key = ("id", models.BigAutoField(primary_key=True))
    made.apply(migrations.CreateModel("Owner", [key]))
    made.apply(
        migrations.CreateModel(
            "Car", [key, ("name", models.CharField(max_length=9)), ("seats", models.IntegerField(null=True))]
        )
    )
    made.ask("INSERT INTO resources_car (name) VALUES ('one'), ('two')")
    yield made
    made.ask("DROP TABLE IF EXISTS resources_car, resources_owner")


def test_a_forgotten_column_stays_and_may_be_left_out(shop):
    shop.apply(ForgetField("car", "name"))
    assert "name" not in shop.state.models[APP, "car"].fields
    shop.ask("INSERT INTO resources_car (seats) VALUES (4)")
    assert shop.ask("SELECT name FROM resources_car ORDER BY id") == [("one",), ("two",), (None,)]
    shop.apply(DropColumn("resources_car", "name"))
    assert shop.ask("SELECT * FROM resources_car WHERE seats = 4") == [(3, 4)]


def test_going_back_leaves_rows_that_were_written_meanwhile(shop):
    forget, before = ForgetField("car", "name"), shop.state
    shop.apply(forget)
    shop.ask("INSERT INTO resources_car (seats) VALUES (4)")
    shop.state = before
    shop.apply(forget, back=True)
    assert shop.ask("SELECT count(*) FROM resources_car WHERE name IS NULL") == [(1,)]


def test_a_forgotten_table_stays_until_it_is_dropped(shop):
    shop.apply(ForgetModel("Owner"))
    assert (APP, "owner") not in shop.state.models
    assert shop.ask("SELECT count(*) FROM resources_owner") == [(0,)]
    shop.apply(DropTable("resources_owner"))
    assert shop.ask("SELECT to_regclass('resources_owner')") == [(None,)]


@pytest.mark.parametrize(
    ("more", "definition"),
    [
        ({}, "UNIQUE (name, seats)"),
        ({"deferrable": models.Deferrable.DEFERRED}, "UNIQUE (name, seats) DEFERRABLE INITIALLY DEFERRED"),
        ({"nulls_distinct": False}, "UNIQUE NULLS NOT DISTINCT (name, seats)"),
    ],
)
def test_a_unique_constraint_takes_over_its_index(shop, more, definition):
    unique = models.UniqueConstraint(fields=["name", "seats"], name="one_of_a_kind", **more)
    shop.apply(AddUniqueConstraintConcurrently("car", unique))
    assert shop.constraint("u") == [(definition, True)]
    shop.apply(migrations.RemoveConstraint("car", "one_of_a_kind"))
    assert shop.constraint("u") == []


def test_a_conditional_one_is_an_index(shop):
    condition = models.Q(seats__isnull=True)
    unique = models.UniqueConstraint(fields=["name"], condition=condition, name="one_without_seats")
    shop.apply(AddUniqueConstraintConcurrently("car", unique))
    with pytest.raises(IntegrityError, match="one_without_seats"):
        shop.ask("INSERT INTO resources_car (name) VALUES ('one')")
    shop.ask("INSERT INTO resources_car (name, seats) VALUES ('one', 4)")


def test_a_reference_is_checked_for_new_rows_at_once_and_for_old_ones_later(shop):
    owner = models.ForeignKey(f"{APP}.owner", models.CASCADE, db_index=False, null=True)
    shop.apply(AddForeignKeyNotValid("car", "owner", owner))
    ((definition, is_valid),) = shop.constraint("f")
    assert definition.startswith("FOREIGN KEY (owner_id) REFERENCES resources_owner(id)")
    assert not is_valid
    with pytest.raises(IntegrityError, match="foreign key"):
        shop.ask("INSERT INTO resources_car (name, owner_id) VALUES ('x', 7)")
    shop.apply(ValidateForeignKey("car", "owner"))
    assert shop.constraint("f")[0][1]
