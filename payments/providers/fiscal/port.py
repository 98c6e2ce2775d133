"""The port every fiscal operator plugs into: a receipt is given to it once by key, and asked about until it is told."""

from abc import ABC, abstractmethod
from typing import Any

Answer = dict[str, Any]
"""What an operator says of a receipt: `status` (pending, registered, refused), `id` (its own), once registered
`fiscal_number`, `fiscal_sign`, `storage_number` and `registered_at`, and else `failure_code` and `failure_detail`."""


class FiscalOperator(ABC):
    """An operator of cash registers. Both methods wait for a stranger, so neither runs inside a transaction.

    `key` is the same however often a receipt is sent, and the operator registers it once. A receipt has `operation`,
    `kind`, `amount`, `currency`, `settled_at`, `paid_as` (electronic, advance), `lines` and `contact`, and `ref`: the
    operator's id, once known. Both raise TransientFault, NoAnswer, Refused.
    """

    name: str

    @abstractmethod
    def register(self, key: str, receipt: dict[str, Any]) -> Answer:
        """Have a receipt registered; the answer may come later."""

    @abstractmethod
    def find(self, key: str, receipt: dict[str, Any]) -> Answer | None:
        """Return what became of a receipt; None if the operator has never heard of it."""
