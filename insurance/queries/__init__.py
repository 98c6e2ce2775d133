"""Every read of insurance that is more than a filter: structs out, never a write."""

from insurance.queries.claim_papers import read_document
from insurance.queries.insurers import get_insurer
from insurance.queries.wallet import OfferView, PolicyView, QuoteView, read_policy, read_quote

__all__ = [
    "OfferView",
    "PolicyView",
    "QuoteView",
    "get_insurer",
    "read_document",
    "read_policy",
    "read_quote",
]
