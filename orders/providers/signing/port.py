"""The port every provider of qualified signatures plugs into: a paper is given to it once by key."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

Answer = dict[str, Any]
"""What a provider says: `status` (pending, signed, refused); once signed `cms`, the detached signature in base64."""


@dataclass(frozen=True)
class Wanted:
    """Bytes to be signed, and by whom; `inn` is empty for a person whose number nobody knows."""

    content: bytes
    name: str
    inn: str


class SigningProvider(ABC):
    """A provider of signatures. Both methods wait for a stranger, so neither runs inside a transaction.

    `key` is the same however often a paper is sent, and the provider signs it once. Both raise TransientFault, NoAnswer
    and Refused of `core.outside.provider_http`.
    """

    name: str

    @abstractmethod
    def sign(self, key: str, wanted: Wanted) -> Answer:
        """Have a paper signed; the answer may come later."""

    @abstractmethod
    def find(self, key: str) -> Answer | None:
        """Return what became of a request; None if the provider has never heard of it."""
