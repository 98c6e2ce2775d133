"""Managers' screens of payments: money, receipts and books; every step goes through a service."""

from payments.admin import books, legal_entities, receipts

__all__ = ["books", "legal_entities", "receipts"]
