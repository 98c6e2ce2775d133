"""Operations for migrations that run beside an open shop, where Django has none.

Django's own are in `django.contrib.postgres.operations`: AddIndexConcurrently, RemoveIndexConcurrently,
AddConstraintNotValid, ValidateConstraint.
"""

import re
from typing import Any

from django.contrib.postgres.operations import NotInTransactionMixin
from django.db import migrations
from django.db.migrations.operations.base import Operation, OperationCategory


class ForgetField(migrations.RemoveField):
    """Take a field from the models and leave its column to the release before, which still writes it.

    The column must take rows that do not name it, so it may be empty from now on. The next release drops it with
    DropColumn.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Let the column be empty."""
        model = from_state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model) and not field.null:
            table, column = map(schema_editor.quote_name, (model._meta.db_table, field.column))
            schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the column as it is: rows written meanwhile may be empty."""

    def describe(self) -> str:
        """Say it in the words of `migrate`."""
        return f"Forget field {self.name} of {self.model_name}"


class ForgetModel(migrations.DeleteModel):
    """Take a model from the code and leave its table to the release before; the next one drops it with DropTable."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the table."""

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the table."""

    def describe(self) -> str:
        """Say it in the words of `migrate`."""
        return f"Forget model {self.name}"


class _DropForgotten(Operation):
    """Drop what the models have not known for a release; it cannot be brought back."""

    reversible = False
    category = OperationCategory.REMOVAL

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models forgot it before."""


class DropColumn(_DropForgotten):
    """Drop a column that ForgetField left."""

    def __init__(self, table: str, column: str) -> None:
        self.table, self.column = table, column

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop it."""
        table, column = map(schema_editor.quote_name, (self.table, self.column))
        schema_editor.execute(f"ALTER TABLE {table} DROP COLUMN {column}")

    def describe(self) -> str:
        """Say it in the words of `migrate`."""
        return f"Drop column {self.column} of {self.table}"


class DropTable(_DropForgotten):
    """Drop a table that ForgetModel left."""

    def __init__(self, table: str) -> None:
        self.table = table

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop it."""
        schema_editor.execute(f"DROP TABLE {schema_editor.quote_name(self.table)}")

    def describe(self) -> str:
        """Say it in the words of `migrate`."""
        return f"Drop table {self.table}"


_UNIQUE = re.compile(r"(ALTER TABLE .* UNIQUE)( NULLS NOT DISTINCT)? (\(.*?\))(.*)")
"""Django's statement: head, what empty values mean, columns, when it is checked."""


class AddUniqueConstraintConcurrently(NotInTransactionMixin, migrations.AddConstraint):
    """Add a UniqueConstraint over an index that was built while others write; the migration needs `atomic = False`."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Build the index, then make it the constraint's; with a condition or expressions it is an index alone."""
        self._ensure_not_in_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        made = str(self.constraint.create_sql(model, schema_editor))
        if made.startswith("CREATE UNIQUE INDEX "):
            schema_editor.execute(made.replace("INDEX", "INDEX CONCURRENTLY", 1), params=None)
            return
        table, name = map(schema_editor.quote_name, (model._meta.db_table, self.constraint.name))
        head, nulls, columns, deferrable = _UNIQUE.fullmatch(made).groups(default="")  # type: ignore[union-attr]
        schema_editor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {columns}{nulls}", params=None)
        schema_editor.execute(f"{head} USING INDEX {name}{deferrable}", params=None)

    def describe(self) -> str:
        """Say it in the words of `migrate`."""
        return f"Concurrently create unique constraint {self.constraint.name} on model {self.model_name}"


def _reference(schema_editor: Any, model: Any, name: str) -> tuple[Any, Any]:
    """The foreign key of a field, and the statement that makes its constraint."""
    field = model._meta.get_field(name)
    return field, schema_editor._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s")


class AddForeignKeyNotValid(migrations.AddField):
    """Add a ForeignKey to a table with rows, unchecked for those that exist; ValidateForeignKey checks them later.

    Give the field `db_index=False`, and the model an index of its own that AddIndexConcurrently builds.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Add the bare column, then its constraint."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        field, constraint = _reference(schema_editor, model, self.name)
        field.db_constraint = False
        schema_editor.add_field(from_state.apps.get_model(app_label, self.model_name), field)
        field.db_constraint = True
        schema_editor.execute(f"{constraint} NOT VALID", params=None)

    def describe(self) -> str:
        """Say it in the words of `migrate`."""
        return f"Add unchecked foreign key {self.name} to {self.model_name}"


class ValidateForeignKey(Operation):
    """Check the rows that were there before AddForeignKeyNotValid; nobody who writes waits for it."""

    category = OperationCategory.ALTERATION

    def __init__(self, model_name: str, name: str) -> None:
        self.model_name, self.name = model_name, name

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models knew it before."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Validate the constraint."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            _, constraint = _reference(schema_editor, model, self.name)
            table = schema_editor.quote_name(model._meta.db_table)
            schema_editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint.parts['name']}", params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave it valid."""

    def describe(self) -> str:
        """Say it in the words of `migrate`."""
        return f"Validate foreign key {self.name} of {self.model_name}"
