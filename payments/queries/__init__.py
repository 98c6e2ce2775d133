"""Every read of payments that is more than a filter: structs out, never a write."""

from payments.queries.statements import StatementLine, balance_before, reconciliation_table, statement, statement_table
from payments.rules.keys import charge_key

__all__ = [
    "StatementLine",
    "balance_before",
    "charge_key",
    "reconciliation_table",
    "statement",
    "statement_table",
]
