"""Declare what insurance does when it is asked: issue the policies of an order, and take them back.

A command of a checkout carries the `attempt_id` of its leg, and the answer repeats it: an undoing may undo only what
its own attempt did.
"""

from typing import Any
from uuid import UUID

from core.events import Command, command


@command("checkout.policies_requested", sender="orders", aggregate="checkout", key="order_id")
class IssuePolicies(Command, frozen=True, kw_only=True):
    """Quote and issue the chosen policies; each entry has the fields of POST /insurance/quotes.

    Answers: insurance.issued (all policies of the attempt), insurance.declined.
    """

    order_id: UUID
    attempt_id: UUID
    customer_id: UUID
    currency: str
    quotes: list[dict[str, Any]]


@command("checkout.policies_cancel_requested", sender="orders", aggregate="checkout", key="order_id")
class RevokePolicies(Command, frozen=True, kw_only=True):
    """Cancel the policies issued by this attempt. Answer: insurance.revoked."""

    order_id: UUID
    attempt_id: UUID
    reason: str


class RecordOwner(Command, frozen=True, kw_only=True):
    """Know whose an order is, and what it is for."""

    order_id: UUID
    customer_id: UUID
    product_ids: list[UUID]
