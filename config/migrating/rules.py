"""Judge what a migration may do while the release before still runs; `manage.py lint_migrations` asks.

An operation is judged by the models before and after it, and by the models of the last release: what that release does
not know may be dropped, renamed or rebuilt at will.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres import operations as postgres
from django.db import connections, migrations, models
from django.db.migrations import operations as ops
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Now

from config.migrating.sql import classify_statement, judge_statement, statements
from core.postgres import migrations as own

RULES = {
    "not_null_without_default": "a NOT NULL column needs db_default: the previous release does not write it",
    "drop_or_rename": "the previous release uses it: forget it now (ForgetField, ForgetModel), drop it in the next",
    "blocking_index": "an index on an existing table stops its writers: AddIndexConcurrently, RemoveIndexConcurrently "
    "or AddUniqueConstraintConcurrently, in a migration with atomic = False",
    "blocking_constraint": "existing rows are checked under a lock: AddConstraintNotValid (AddForeignKeyNotValid) now, "
    "ValidateConstraint (ValidateForeignKey) in a migration of its own",
    "validate_apart": "validated in the transaction that adds it, a constraint keeps its lock: use a second migration",
    "type_change": "the table is written anew under a lock, or the previous release's values do not fit: add a column",
    "not_null": "the previous release may leave it empty, and all rows are read under a lock: keep it nullable, or add "
    "CheckConstraint(x IS NOT NULL) in one release and this in the next",
    "drop_default": "the previous release relies on the database's default",
    "drop_unique": "the previous release relies on it, in ON CONFLICT too: drop it when the release no longer knows it",
    "rewrite": "a computed or random value for every row writes the table anew under a lock: fill it in batches",
    "mixed_data": "data and schema in one transaction hold locks as long as the data take: use two migrations",
    "mixed_transaction": "an operation outside a transaction cannot be taken back: give it a migration of its own",
    "unnamed": "give the migration a name: makemigrations -n",
    "unknown_operation": "the linter cannot judge this: teach it, or allow it with a reason",
}
_CONCURRENT = (postgres.AddIndexConcurrently, postgres.RemoveIndexConcurrently, own.AddUniqueConstraintConcurrently)
_VALIDATIONS = (postgres.ValidateConstraint, own.ValidateForeignKey)
_HARMLESS = (
    *_CONCURRENT, *_VALIDATIONS, postgres.AddConstraintNotValid, postgres.CreateExtension, own.ForgetField,
    own.ForgetModel, own.AddForeignKeyNotValid, ops.CreateModel, ops.AlterModelOptions, ops.AlterModelManagers,
    ops.AlterModelTableComment, ops.RenameIndex, ops.AlterConstraint, migrations.RunPython,
)  # fmt: skip


@dataclass
class Scene:
    """Scene of an operation: its app, the models around it and those of the last release."""

    app: str
    before: ProjectState
    after: ProjectState
    known: ProjectState

    def exists(self, model_name: str) -> bool:
        """Tell whether the last release has this model, so that its table has rows and users."""
        return (self.app, model_name.lower()) in self.known.models

    def knows(self, model_name: str, name: str) -> bool:
        """Tell whether the last release has this field."""
        model = self.known.models.get((self.app, model_name.lower()))
        return model is not None and name in model.fields

    def tables(self) -> dict[str, set[str]]:
        """Columns of every table of the last release."""
        return {
            model.options.get("db_table") or f"{label}_{name}": {
                _column(field_name, each) for field_name, each in model.fields.items()
            }
            for (label, name), model in self.known.models.items()
        }


@dataclass
class Verdict:
    """Faults of one migration, by rule."""

    migration: migrations.Migration
    found: list[tuple[str, str]] = field(default_factory=list)

    def lines(self) -> list[str]:
        """One line for each fault, in words."""
        return [f"{self.migration}: {what}: {RULES[rule]} [{rule}]" for rule, what in self.found]


def judge(migration: migrations.Migration, state: ProjectState, known: ProjectState) -> Verdict:
    """Judge a migration and advance `state` past it."""
    verdict = Verdict(migration)
    flat: list[Operation] = []
    for operation in migration.operations:
        for each, before, after in _in_database(operation, migration.app_label, state.clone()):
            flat.append(each)
            verdict.found += [
                (rule, f"{each.describe()}{what}")
                for rule, what in _judge_operation(each, Scene(migration.app_label, before, after, known))
            ]
        operation.state_forwards(migration.app_label, state)
    verdict.found += [(rule, "as a whole") for rule in _judge_whole(migration, flat)]
    allowed = getattr(migration, "allowed", {})
    verdict.found = [each for each in verdict.found if each[0] not in allowed]
    for rule, reason in allowed.items():
        if rule not in RULES or len(reason.split()) < 3:
            verdict.found.append(
                ("unknown_operation", f"`allowed` needs a rule and its reason, not {rule!r}: {reason!r}")
            )
    return verdict


def _in_database(
    operation: Operation, app: str, state: ProjectState
) -> Iterator[tuple[Operation, ProjectState, ProjectState]]:
    """Return what an operation does to the database, with the models before and after each step."""
    steps = operation.database_operations if isinstance(operation, ops.SeparateDatabaseAndState) else [operation]
    for each in steps:
        after = state.clone()
        each.state_forwards(app, after)
        yield each, state, after
        state = after


def _judge_whole(migration: migrations.Migration, flat: list[Operation]) -> Iterator[str]:
    kinds = {kind for operation in flat for kind in _kinds(operation)}
    if {"data", "schema"} <= kinds:
        yield "mixed_data"
    outside = [each for each in flat if isinstance(each, _CONCURRENT)]
    if outside and (migration.atomic or any(not isinstance(each, (*_CONCURRENT, *_VALIDATIONS)) for each in flat)):
        yield "mixed_transaction"
    if not migration.atomic and not outside and "schema" in kinds and len(flat) > 1:
        yield "mixed_transaction"
    added = [each for each in flat if isinstance(each, (postgres.AddConstraintNotValid, own.AddForeignKeyNotValid))]
    if added and any(isinstance(each, _VALIDATIONS) for each in flat):
        yield "validate_apart"
    _, _, name = migration.name.partition("_")
    if not name or name.startswith("auto_") or name.endswith("_and_more"):
        yield "unnamed"


def _kinds(operation: Operation) -> set[str]:
    if isinstance(operation, migrations.RunPython):
        return {"data"}
    if isinstance(operation, migrations.RunSQL):
        return {classify_statement(each) for each in statements(operation.sql)}
    return {"schema"}


def _judge_operation(operation: Operation, scene: Scene) -> Iterator[tuple[str, str]]:
    """Rule and detail of each fault of one operation."""
    for kind, judges in _JUDGES.items():
        if type(operation) is kind:
            yield from judges(operation, scene)
            return
    if isinstance(operation, migrations.RunSQL):
        for statement in statements(operation.sql):
            for rule in judge_statement(statement, scene.tables()):
                yield rule, f" ({statement[:60]})"
    elif not isinstance(operation, _HARMLESS):
        yield "unknown_operation", ""


def _add_field(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    added = operation.field
    if not scene.exists(operation.model_name) or added.many_to_many:
        return
    if not added.null and added.db_default is models.NOT_PROVIDED and not added.generated:
        yield "not_null_without_default", ""
    if added.generated or not _same_for_all_rows(added.db_default):
        yield "rewrite", ""
    if added.unique or added.db_index:
        yield "blocking_index", ""
    if added.is_relation and added.db_constraint:
        yield "blocking_constraint", ""


def _add_reference(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    """Judge AddForeignKeyNotValid by all rules but the one it keeps."""
    yield from (each for each in _add_field(operation, scene) if each[0] != "blocking_constraint")


def _same_for_all_rows(value: Any) -> bool:
    """Tell whether PostgreSQL works a default out once, and not for every row."""
    return not hasattr(value, "resolve_expression") or isinstance(value, (models.Value, Now))


def _alter_field(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if not scene.knows(operation.model_name, operation.name):
        return
    key = scene.app, operation.model_name_lower
    old, new = scene.before.models[key].fields[operation.name], operation.field
    if _column(operation.name, old) != _column(operation.name, new):
        yield "drop_or_rename", ""
    if not _type_fits(old, new):
        yield "type_change", ""
    if old.null and not new.null and not _checked_not_null(scene, key, operation.name):
        yield "not_null", ""
    if (new.unique and not old.unique) or (new.db_index and not old.db_index and not old.unique):
        yield "blocking_index", ""
    if new.is_relation and getattr(new, "db_constraint", False) and not getattr(old, "db_constraint", False):
        yield "blocking_constraint", ""
    if old.unique and not new.unique:
        yield "drop_unique", ""
    if old.db_default is not models.NOT_PROVIDED and new.db_default is models.NOT_PROVIDED and not new.null:
        yield "drop_default", ""


def _type_fits(old: Any, new: Any) -> bool:
    """Tell whether the type stays, or widens without a rewrite: a longer text, more digits before the point."""
    if old.many_to_many or new.many_to_many or old.is_relation != new.is_relation:
        return False
    if old.is_relation:
        return bool(old.remote_field.model == new.remote_field.model)
    before, after = (each.db_parameters(connections["accounts"]) for each in (old, new))
    if after["check"] and after["check"] != before["check"]:
        return False
    if before["type"] == after["type"]:
        return True
    if str(before["type"]).startswith("varchar"):
        return after["type"] == "text" or _is_longer(old.max_length, new)
    if isinstance(old, models.DecimalField) and isinstance(new, models.DecimalField):
        return old.decimal_places == new.decimal_places and (old.max_digits or 0) <= (new.max_digits or 0)
    return False


def _is_longer(length: int | None, new: Any) -> bool:
    return isinstance(new, models.CharField) and (new.max_length is None or (length or 0) <= new.max_length)


def _checked_not_null(scene: Scene, key: tuple[str, str], name: str) -> bool:
    """Tell whether the last release already checks that the column is filled; then no row is read again."""
    wanted = models.Q((f"{name}__isnull", False))
    constraints = scene.known.models[key].options.get("constraints", [])
    return any(isinstance(each, models.CheckConstraint) and each.condition == wanted for each in constraints)


def _remove_field(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if scene.knows(operation.model_name, operation.name):
        yield "drop_or_rename", ""


def _rename_field(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if scene.knows(operation.model_name, operation.old_name):
        yield "drop_or_rename", ""


def _drop_model(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if scene.exists(getattr(operation, "old_name", None) or operation.name):
        yield "drop_or_rename", ""


def _drop_column(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if operation.column in scene.tables().get(operation.table, ()):
        yield "drop_or_rename", ""


def _drop_table(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if operation.table in scene.tables():
        yield "drop_or_rename", ""


def _index(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if scene.exists(operation.model_name):
        yield "blocking_index", ""


def _add_constraint(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if scene.exists(operation.model_name):
        unique = isinstance(operation.constraint, models.UniqueConstraint)
        yield "blocking_index" if unique else "blocking_constraint", ""


def _remove_constraint(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if scene.exists(operation.model_name):
        model = scene.known.models[scene.app, operation.model_name_lower]
        found = [each for each in model.options.get("constraints", []) if each.name == operation.name]
        if any(not isinstance(each, models.CheckConstraint) for each in found):
            yield "drop_unique", ""


def _alter_together(operation: Any, scene: Scene) -> Iterator[tuple[str, str]]:
    if scene.exists(operation.name):
        yield "blocking_index", ""


_JUDGES: dict[type[Operation], Any] = {
    ops.AddField: _add_field,
    own.AddForeignKeyNotValid: _add_reference,
    ops.AlterField: _alter_field,
    ops.RemoveField: _remove_field,
    ops.RenameField: _rename_field,
    ops.DeleteModel: _drop_model,
    ops.RenameModel: _drop_model,
    ops.AlterModelTable: _drop_model,
    ops.AddIndex: _index,
    ops.RemoveIndex: _index,
    ops.AddConstraint: _add_constraint,
    ops.RemoveConstraint: _remove_constraint,
    ops.AlterUniqueTogether: _alter_together,
    ops.AlterIndexTogether: _alter_together,
    ops.AlterOrderWithRespectTo: _alter_together,
    own.DropColumn: _drop_column,
    own.DropTable: _drop_table,
}


def _column(name: str, each: Any) -> str:
    """The column of a field that belongs to no class yet."""
    if each.db_column:
        return str(each.db_column)
    return f"{name}_id" if each.is_relation and not each.many_to_many else name
