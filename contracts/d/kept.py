"""Keep what contract D says of a payment and our API does not: whose it is and what for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.models import PaidFor
from core.db import transaction


@dataclass(frozen=True)
class Kept:
    """Ids as texts: of a payment, the client and the event it is for, and the stored method that was named."""

    payment_id: str
    client_id: str | None = None
    event_id: str | None = None
    stored_id: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """Return what is shown with the payment."""
        return {"client_id": self.client_id, "event_id": self.event_id, "stored_id": self.stored_id}


def keep(kept: Kept) -> None:
    """Remember it; said again, it changes nothing."""
    with transaction("contracts"):
        PaidFor.objects.bulk_create([PaidFor(payment_id=kept.payment_id, **kept.fields)], ignore_conflicts=True)


def read_kept(payment_ids: Sequence[str]) -> dict[str, Kept]:
    """Return what is known of payments, by their ids; one statement."""
    rows = PaidFor.objects.filter(payment_id__in=payment_ids).values_list(
        "payment_id", "client_id", "event_id", "stored_id"
    )
    told = [[None if one is None else str(one) for one in row] for row in rows]
    return {str(row[0]): Kept(str(row[0]), *row[1:]) for row in told}
