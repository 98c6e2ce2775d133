"""Every read of clients that is more than a filter: structs out, never a write."""

from clients.queries.consents import read_consents
from clients.queries.finding import (
    find_account,
    find_client,
    find_holder,
    find_own_card,
    list_customer_ids,
    list_own_cards,
    map_accounts,
)
from clients.queries.imports import open_imports, read_refused_rows

__all__ = [
    "find_account",
    "find_client",
    "find_holder",
    "find_own_card",
    "list_customer_ids",
    "list_own_cards",
    "map_accounts",
    "open_imports",
    "read_consents",
    "read_refused_rows",
]
