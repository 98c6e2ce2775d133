"""Name charges at providers."""

from uuid import UUID


def charge_key(payment_id: UUID) -> str:
    """Key of a payment's charge at the provider: one payment, one charge, however often it is sent."""
    return f"payment:{payment_id}:charge"
