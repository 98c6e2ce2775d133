"""The linter of migrations: each rule refuses a bad example and lets the right way pass."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    TrigramExtension,
    ValidateConstraint,
)
from django.core.management import CommandError, call_command
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.functions import Now, Random, Upper

from config.management.commands import lint_migrations
from config.migrating import releases
from config.migrating.rules import RULES, judge
from core.postgres.migrations import (
    AddForeignKeyNotValid,
    AddUniqueConstraintConcurrently,
    DropColumn,
    DropTable,
    ForgetField,
    ForgetModel,
    ValidateForeignKey,
)

APP = "catalog"
FILLED = models.CheckConstraint(condition=models.Q(paint__isnull=False), name="car_is_painted")


def known():
    """State what the last release knows: a car and its owner."""
    owner = ModelState(APP, "Owner", [("id", models.BigAutoField(primary_key=True))])
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20)),
        ("vin", models.CharField(max_length=17, unique=True)),
        ("price", models.DecimalField(max_digits=10, decimal_places=2, db_default=0)),
        ("paint", models.CharField(max_length=9, null=True)),
        ("notes", models.CharField(max_length=9, null=True)),
        ("tags", ArrayField(models.CharField(max_length=9))),
        ("owner", models.ForeignKey(f"{APP}.owner", models.CASCADE)),
    ]
    constraints = [FILLED, models.UniqueConstraint(fields=["owner", "name"], name="one_name")]
    indexes = [models.Index(fields=["name"], name="by_name")]
    car = ModelState(APP, "Car", fields, {"constraints": constraints, "indexes": indexes})
    state = ProjectState()
    state.add_model(owner)
    state.add_model(car)
    return state


def rules(*operations, name="0002_paint_cars", atomic=True, **more):
    """Rules that a migration of these operations breaks."""
    migration = type("Migration", (migrations.Migration,), {"operations": list(operations), "atomic": atomic} | more)
    return [rule for rule, _ in judge(migration(name, APP), known(), known()).found]


def add(field, name="colour", model="car"):
    return migrations.AddField(model, name, field)


def alter(field, name):
    return migrations.AlterField("car", name, field)


def new_model(*more):
    return [migrations.CreateModel("Van", [("id", models.BigAutoField(primary_key=True))]), *more]


class Invented(Operation):
    def state_forwards(self, app_label, state):
        """Change no model."""


ONE_COLOUR = models.UniqueConstraint(fields=["paint"], name="one_colour")
DEAR = models.CheckConstraint(condition=models.Q(price__gt=0), name="dear")
TEXT = models.CharField(max_length=9, default="", db_default="")
BY_PAINT = models.Index(fields=["paint"], name="by_paint")

REFUSED = {
    "a column the old code does not fill": ("not_null_without_default", add(models.IntegerField(default=0))),
    "the same by hand": (
        "not_null_without_default",
        migrations.RunSQL('ALTER TABLE "catalog_car" ADD COLUMN doors int NOT NULL'),
    ),
    "a random default": ("rewrite", add(models.FloatField(db_default=Random()))),
    "a computed column": (
        "rewrite",
        add(models.GeneratedField(expression=Upper("name"), output_field=models.TextField(), db_persist=True)),
    ),
    "a dropped column": ("drop_or_rename", migrations.RemoveField("car", "name")),
    "a renamed column": ("drop_or_rename", migrations.RenameField("car", "name", "title")),
    "a column renamed by its field": ("drop_or_rename", alter(models.CharField(max_length=20, db_column="t"), "name")),
    "a dropped table": ("drop_or_rename", migrations.DeleteModel("Owner")),
    "a renamed model": ("drop_or_rename", migrations.RenameModel("Owner", "Keeper")),
    "a renamed table": ("drop_or_rename", migrations.AlterModelTable("Owner", "keepers")),
    "a column dropped too early": ("drop_or_rename", DropColumn("catalog_car", "owner_id")),
    "a table dropped too early": ("drop_or_rename", DropTable("catalog_car")),
    "a table dropped by hand": ("drop_or_rename", migrations.RunSQL("DROP TABLE catalog_car")),
    "a column dropped by hand": (
        "drop_or_rename",
        migrations.RunSQL(["SELECT 1", ("ALTER TABLE public.catalog_car\n DROP COLUMN IF EXISTS name CASCADE", None)]),
    ),
    "a column dropped by hand, in short": (
        "drop_or_rename",
        migrations.RunSQL("alter table only catalog_car add x int, drop name"),
    ),
    "a column renamed by hand": (
        "drop_or_rename",
        migrations.RunSQL("ALTER TABLE catalog_car RENAME COLUMN name TO title"),
    ),
    "a model's removal beside a state operation": (
        "drop_or_rename",
        migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("car", "name")]),
    ),
    "an index": ("blocking_index", migrations.AddIndex("car", BY_PAINT)),
    "an index's removal": ("blocking_index", migrations.RemoveIndex("car", "by_name")),
    "an index by hand": ("blocking_index", migrations.RunSQL("CREATE UNIQUE INDEX x ON catalog_car USING gin (name)")),
    "an index of a new column": ("blocking_index", add(models.CharField(null=True, max_length=9, db_index=True))),
    "an index of an old column": ("blocking_index", alter(models.CharField(max_length=20, db_index=True), "name")),
    "a unique column": ("blocking_index", alter(models.CharField(max_length=20, unique=True), "name")),
    "a unique constraint": ("blocking_index", migrations.AddConstraint("car", ONE_COLOUR)),
    "columns unique together": ("blocking_index", migrations.AlterUniqueTogether("car", {("name", "paint")})),
    "a check": ("blocking_constraint", migrations.AddConstraint("car", DEAR)),
    "a check by hand": (
        "blocking_constraint",
        migrations.RunSQL("ALTER TABLE catalog_car ADD CONSTRAINT dear CHECK (price > 0)"),
    ),
    "a reference": (
        "blocking_constraint",
        add(models.ForeignKey(f"{APP}.owner", models.CASCADE, null=True, db_index=False)),
    ),
    "a check of a column's type": ("type_change", alter(models.PositiveIntegerField(db_default=0), "price")),
    "another type": ("type_change", alter(models.IntegerField(), "name")),
    "a shorter text": ("type_change", alter(models.CharField(max_length=10), "name")),
    "more decimals": (
        "type_change",
        alter(models.DecimalField(max_digits=12, decimal_places=4, db_default=0), "price"),
    ),
    "another type by hand": (
        "type_change",
        migrations.RunSQL("ALTER TABLE catalog_car ALTER COLUMN price TYPE bigint"),
    ),
    "a list of other things": ("type_change", alter(ArrayField(models.IntegerField()), "tags")),
    "another owner": ("type_change", alter(models.ForeignKey("accounts.user", models.CASCADE), "owner")),
    "no longer empty": ("not_null", alter(models.CharField(max_length=9), "notes")),
    "no longer empty, by hand": (
        "not_null",
        migrations.RunSQL("ALTER TABLE catalog_car ALTER COLUMN notes SET NOT NULL"),
    ),
    "a default taken away": ("drop_default", alter(models.DecimalField(max_digits=10, decimal_places=2), "price")),
    "a default taken away by hand": (
        "drop_default",
        migrations.RunSQL("ALTER TABLE catalog_car ALTER price DROP DEFAULT"),
    ),
    "uniqueness taken away": ("drop_unique", migrations.RemoveConstraint("car", "one_name")),
    "a column's uniqueness taken away": ("drop_unique", alter(models.CharField(max_length=17), "vin")),
    "a program": ("unknown_operation", migrations.RunSQL("DO $$ BEGIN DROP TABLE catalog_car; END $$")),
    "an operation nobody knows": ("unknown_operation", Invented()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses(what):
    rule, operation = REFUSED[what]
    assert rules(operation) == [rule]


ALLOWED = {
    "a column with a default": add(TEXT),
    "a column with the moment as its default": add(models.DateTimeField(default=datetime.now, db_default=Now())),
    "a column that may be empty": add(models.IntegerField(null=True)),
    "a forgotten field": ForgetField("car", "name"),
    "a forgotten model": ForgetModel("Owner"),
    "a column forgotten before": DropColumn("catalog_car", "gone"),
    "a table forgotten before": DropTable("catalog_gone"),
    "a check not yet validated": AddConstraintNotValid("car", DEAR),
    "its validation": ValidateConstraint("car", "dear"),
    "a reference not yet validated": AddForeignKeyNotValid(
        "car", "keeper", models.ForeignKey(f"{APP}.owner", models.CASCADE, null=True, db_index=False)
    ),
    "the validation of a reference": ValidateForeignKey("car", "owner"),
    "a check's removal": migrations.RemoveConstraint("car", "car_is_painted"),
    "a longer text": alter(models.CharField(max_length=40), "name"),
    "a text without end": alter(models.TextField(), "name"),
    "more digits": alter(models.DecimalField(max_digits=14, decimal_places=2, db_default=0), "price"),
    "a column that may be empty from now on": alter(models.CharField(max_length=20, null=True), "name"),
    "a new default": alter(models.CharField(max_length=20, db_default="?"), "name"),
    "not null where that is checked already": alter(models.CharField(max_length=9), "paint"),
    "a trigger whose body drops and alters": migrations.RunSQL(
        "CREATE FUNCTION f() RETURNS trigger AS $f$ BEGIN DROP TABLE catalog_car; END $f$ LANGUAGE plpgsql; -- DROP\n"
        "CREATE TRIGGER t BEFORE UPDATE ON catalog_car EXECUTE FUNCTION f()"
    ),
    "a check by hand, not yet validated": migrations.RunSQL(
        "ALTER TABLE catalog_car ADD CONSTRAINT c CHECK (price > 0) NOT VALID"
    ),
    "a default by hand": migrations.RunSQL("ALTER TABLE catalog_car ADD COLUMN doors int DEFAULT 4 NOT NULL"),
    "a table of its own": migrations.RunSQL("CREATE TABLE t (a int NOT NULL); CREATE INDEX i ON t (a); DROP TABLE t"),
    "data alone": migrations.RunPython(migrations.RunPython.noop),
    "an extension": TrigramExtension(),
    "other words for people": migrations.AlterModelOptions("car", {"verbose_name": "automobile"}),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_it_allows(what):
    assert rules(ALLOWED[what]) == []


@pytest.mark.parametrize(
    "operations",
    [
        (AddIndexConcurrently("car", BY_PAINT),),
        (RemoveIndexConcurrently("car", "by_name"),),
        (AddUniqueConstraintConcurrently("car", ONE_COLOUR),),
        (AddIndexConcurrently("car", BY_PAINT), RemoveIndexConcurrently("car", "by_name")),
    ],
)
def test_concurrent_work_stands_outside_transactions_and_alone(operations):
    assert rules(*operations, atomic=False) == []
    assert rules(*operations) == ["mixed_transaction"]
    assert rules(*operations, add(TEXT), atomic=False) == ["mixed_transaction"]


def test_schema_changes_outside_a_transaction_come_one_by_one():
    assert rules(add(TEXT), atomic=False) == []
    assert rules(add(TEXT), add(TEXT, name="hue"), atomic=False) == ["mixed_transaction"]


@pytest.mark.parametrize(
    "data", [migrations.RunPython(migrations.RunPython.noop), migrations.RunSQL("UPDATE catalog_car SET name = 'x'")]
)
def test_data_and_schema_do_not_share_a_migration(data):
    assert rules(add(TEXT), data) == ["mixed_data"]
    assert rules(migrations.RunSQL("CREATE TABLE t (a int)"), data) == ["mixed_data"]


def test_a_constraint_is_validated_in_another_migration():
    assert rules(AddConstraintNotValid("car", DEAR), ValidateConstraint("car", "dear")) == ["validate_apart"]


@pytest.mark.parametrize("name", ["0002_auto_20261122_1000", "0002_car_colour_and_more", "0002_", "0002"])
def test_a_migration_has_a_name(name):
    assert rules(add(TEXT), name=name) == ["unnamed"]


def test_what_the_last_release_does_not_know_may_change_at_will():
    assert rules(*new_model(add(models.IntegerField(unique=True), model="van"))) == []
    assert rules(*new_model(migrations.AddIndex("van", models.Index(fields=["id"], name="i")))) == []
    assert rules(*new_model(migrations.RenameModel("Van", "Bus"), migrations.DeleteModel("Bus"))) == []
    assert rules(add(TEXT), alter(models.IntegerField(), "colour"), migrations.RemoveField("car", "colour")) == []


def test_a_rule_is_waived_with_a_reason_only():
    index = migrations.AddIndex("car", BY_PAINT)
    assert rules(index, allowed={"blocking_index": "a table of ten rows"}) == []
    assert rules(index, allowed={"blocking_index": "small"}) == ["unknown_operation"]
    assert rules(index, allowed={"blocking": "a table of ten rows"}) == ["blocking_index", "unknown_operation"]


def test_every_rule_has_its_bad_example():
    whole = {"mixed_data", "mixed_transaction", "validate_apart", "unnamed"}
    assert {rule for rule, _ in REFUSED.values()} | whole == set(RULES)


def test_our_migrations_pass(capsys):
    call_command("lint_migrations")
    assert "let it run beside them" in capsys.readouterr().out


def test_the_command_fails_on_a_bad_migration_and_says_where(monkeypatch):
    """Before the first release there was none: seen from the very first migrations, later ones were careless."""
    first = dict.fromkeys(releases.last_release().migrations, "0001_initial")
    long_ago = replace(releases.last_release(), version="0.1.0", migrations=first)
    monkeypatch.setattr(lint_migrations, "last_release", lambda: long_ago)
    with pytest.raises(CommandError) as refusal:
        call_command("lint_migrations")
    said = str(refusal.value)
    assert said.startswith("not safe beside release 0.1.0:\n")
    assert "insurance.0002_deepen_insurance: Add field" in said
    assert "[not_null_without_default]" in said


def test_the_record_of_releases_names_real_migrations(monkeypatch):
    gone = replace(releases.last_release(), migrations={"catalog": "0099_gone"})
    monkeypatch.setattr(lint_migrations, "last_release", lambda: gone)
    with pytest.raises(CommandError, match="0099_gone"):
        call_command("lint_migrations")
    assert json.loads(releases.FILE.read_text())[-1]["version"] == releases.last_release().version
