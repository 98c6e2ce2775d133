"""Read uploads of client lists: those under way, and rows refused."""

from collections.abc import Iterator
from uuid import UUID

from clients.models import ClientImport, ClientRowError
from core.importing import runs


def read_refused_rows(*, import_id: UUID) -> Iterator[list[str]]:
    """Header and rows of a CSV of what an import refused, as it stood in the file. Raises NotFound."""
    return runs.read_refused_rows(ClientImport, ClientRowError, import_id)


def open_imports() -> list[UUID]:
    """Imports that wait, or whose worker may have died."""
    return runs.open_runs(ClientImport)
