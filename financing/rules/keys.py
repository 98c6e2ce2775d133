"""Name mandates at banks."""

from uuid import UUID


def get_debit_key(payment_id: UUID) -> str:
    """The name of a mandate at its bank: the same key is one debit."""
    return f"debit:{payment_id}"
