"""Every read of clients that is more than a filter: structs out, never a write."""

from clients.queries.consents import consents_of
from clients.queries.finding import customer_ids_of, find_client
from clients.queries.imports import open_imports, refused_rows_of

__all__ = [
    "consents_of",
    "customer_ids_of",
    "find_client",
    "open_imports",
    "refused_rows_of",
]
