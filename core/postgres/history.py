"""Histories: tables whose rows are only added, which the database itself holds every writer to.

A model declares it, and a migration puts the same rule before its table; a test holds the two to each other, and every
model of an app to having declared it or standing among those that change (`tests/changing_tables.txt`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import migrations

FUNCTION = "core_only_added"
_GUARD = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rule CONSTANT jsonb := TG_ARGV[0]::jsonb;
    forgets CONSTANT boolean := coalesce(current_setting('autosalon.forgets', true), '') = 'on';
    was CONSTANT jsonb := to_jsonb(OLD);
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF forgets AND (rule ->> 'goes')::boolean OR EXISTS (
            SELECT FROM jsonb_array_elements(rule -> 'lapses') AS lapse
            WHERE (was ->> (lapse ->> 'since'))::timestamptz
                  < clock_timestamp() + interval '1 hour' - (lapse ->> 'days')::int * interval '24 hours'
              AND (lapse ->> 'without' = '' OR was ->> (lapse ->> 'without') IS NULL)
        ) THEN
            RETURN OLD;
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM jsonb_each(to_jsonb(NEW)) AS told (name, value)
        WHERE told.value IS DISTINCT FROM was -> told.name
          AND NOT (rule -> 'words' ? told.name AND (forgets OR told.value IN ('""', '{{}}', '[]', 'null')))
          AND NOT (rule -> 'steps' ? told.name AND was -> told.name = rule -> 'steps' -> told.name)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


@dataclass(frozen=True)
class Lapse:
    """Rows may go `days` days after the moment `since`; with `without`, those alone where that column is empty."""

    since: str
    days: int
    without: str = ""


@dataclass(frozen=True)
class OnlyAdded:
    """Declare that rows of a model's table are only added. All names are those of columns.

    `words` are what erasure empties: anybody may, for the release before does so without a word, and may say something
    else there only in a transaction that said so (`messaging.people.departures.let_history_forget`). `goes` lets it
    delete the row, in such a transaction alone. `steps` are columns that are said once, later: each may leave
    the value named here and no other. `lapses` lets old rows go.
    """

    words: tuple[str, ...] = ()
    steps: Mapping[str, str | None] = field(default_factory=dict)
    goes: bool = False
    lapses: tuple[Lapse, ...] = ()

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as the trigger is given it."""
        lapses = [{"since": each.since, "days": each.days, "without": each.without} for each in self.lapses]
        return {"words": list(self.words), "steps": dict(self.steps), "goes": self.goes, "lapses": lapses}

    def on(self, table: str, *, instead_of: str = "") -> migrations.RunSQL:
        """Guard a table, for its migration; `instead_of` is the trigger of its app that did it before."""
        trigger = f"CREATE TRIGGER {{}} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {{}}"
        rule = json.dumps(self.rule).replace("'", "''")
        forwards = [_GUARD, trigger.format(f"{table}_only_added", f"{FUNCTION}('{rule}')")]
        backwards = [f"DROP TRIGGER {table}_only_added ON {table}"]
        if instead_of:
            forwards.append(f"DROP TRIGGER {instead_of} ON {table}")
            backwards.append(trigger.format(instead_of, f"{table.partition('_')[0]}_refuse_change()"))
        return migrations.RunSQL(";\n".join(forwards), ";\n".join(backwards))
