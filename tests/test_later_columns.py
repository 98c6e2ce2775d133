"""A release that does not know a column leaves it out: the database must know what to write there."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from config.management.commands.lint_migrations import is_ours

FILLED_BY_TRIGGER = {"resources.allocation.busy_from", "resources.allocation.busy_until"}
KNOWN_TO_THE_DATABASE_ALONE = {
    "orders.order.placed_date",
    "showroom.happening.offer_hours",
    "financing.loanrefund.created_at",
    "gateway.idempotencykey.created_at",
    "messaging.externalcall.created_at",
    "messaging.externalcall.next_at",
    "messaging.inboxevent.next_at",
    "messaging.inboxevent.received_at",
    "messaging.outboxevent.created_at",
    "messaging.sinkcursor.updated_at",
}
"""Columns whose value an unsaved instance does not have: nobody reads them there."""


def later_columns():
    """(app.model.field) of every column that a migration added to a table of an earlier one."""
    graph = MigrationLoader(None).graph
    plan = [node for leaf in graph.leaf_nodes() if is_ours(leaf[0]) for node in graph.forwards_plan(leaf)]
    born, later = {}, []
    for app, name in dict.fromkeys(plan):
        for operation in graph.nodes[app, name].operations:
            if isinstance(operation, migrations.SeparateDatabaseAndState):
                renamed = {
                    f"{app}.{each.old_name_lower}.": f"{app}.{each.new_name_lower}." for each in renames(operation)
                }
                later = [following(renamed, column) for column in later]
            elif isinstance(operation, migrations.CreateModel):
                born[app, operation.name_lower] = name
            elif isinstance(operation, migrations.AddField) and born.get((app, operation.model_name_lower)) != name:
                later.append(f"{app}.{operation.model_name_lower}.{operation.name}")
    return later


def renames(operation):
    """Renamings of models alone: their tables keep their names."""
    return [each for each in operation.state_operations if isinstance(each, migrations.RenameModel)]


def following(renamed, column):
    """The column under its model's newer name."""
    return next((new + column.removeprefix(old) for old, new in renamed.items() if column.startswith(old)), column)


def get_field(name):
    app, model, field = name.split(".")
    return apps.get_model(app, model)._meta.get_field(field)


LATER = [name for name in later_columns() if is_ours(name.split(".")[0])]


def test_every_later_column_may_be_left_out():
    needed = [
        name
        for name in LATER
        if not (get_field(name).null or get_field(name).many_to_many or get_field(name).generated)
        and get_field(name).db_default is models.NOT_PROVIDED
    ]
    assert len(LATER) > 100
    assert set(needed) == FILLED_BY_TRIGGER


def test_instances_have_their_values_before_they_are_saved():
    """A default of the database alone leaves an expression in the attribute until the row is written."""
    alone = {
        field.model._meta.label_lower + "." + field.name
        for model in apps.get_models()
        if is_ours(model._meta.app_label)
        for field in model._meta.local_concrete_fields
        if field.db_default is not models.NOT_PROVIDED and not field.has_default() and not field.null
    }
    assert alone == KNOWN_TO_THE_DATABASE_ALONE


def test_both_defaults_are_the_same():
    for model in filter(lambda each: is_ours(each._meta.app_label), apps.get_models()):
        for field in model._meta.local_concrete_fields:
            given = getattr(field.db_default, "value", field.db_default)
            if field.has_default() and isinstance(given, (str, int, list, dict)) and field.name != "time_zone":
                assert field.get_default() == given, field


@pytest.mark.django_db(databases=["resources"])
def test_the_first_models_of_bookings_write_into_todays_tables():
    first = MigrationLoader(None).project_state(("resources", "0001_initial")).apps
    kind, thing, booking = (
        first.get_model("resources", name).objects.using("resources")
        for name in ("ResourceType", "Resource", "Allocation")
    )
    now = timezone.now()
    lift = thing.create(name="lift 1", created_at=now, updated_at=now, type=kind.create(name="lift", created_at=now))
    span = {"starts_at": now, "ends_at": now + timedelta(hours=2)}
    booking.create(resource=lift, quantity=1, is_exclusive=True, created_at=now, **span)
    today = apps.get_model("resources", "Allocation").objects.get()
    assert (today.busy_from, today.busy_until) == (span["starts_at"], span["ends_at"])
    with pytest.raises(IntegrityError, match="allocation_no_overlap"):
        booking.create(resource=lift, quantity=1, is_exclusive=True, created_at=now, **span)
