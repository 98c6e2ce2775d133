"""Bytes that a provider of signatures is to sign, read for the call that asks it to."""

from dataclasses import dataclass
from uuid import UUID

from accounts.public import get_person
from core.secrecy.sealing import unseal
from orders.models import Order, QualifiedSigning, SignatureSide
from orders.models.signings import PENDING
from orders.providers.signing.port import Wanted
from orders.queries.requisites import find_company, find_seller


@dataclass(frozen=True)
class ToSign:
    """The provider that was asked, and what it is to sign."""

    provider: str
    wanted: Wanted


def read_wanted(*, signing_id: UUID) -> ToSign | None:
    """Return what a request wants signed; None once it has ended, or the paper was erased."""
    found = QualifiedSigning.objects.select_related("document__order").get(pk=signing_id)
    if found.state not in PENDING or not found.document.content:
        return None
    name, inn = name_signer(found.document.order, found.side, found.requested_by)
    return ToSign(found.provider, Wanted(unseal(bytes(found.document.content)), name, inn))


def name_signer(order: Order, side: str, actor_id: UUID) -> tuple[str, str]:
    """Return name and ИНН of who signs for a side: of a company its own; empty where they are not known."""
    seller = find_seller(order) if side == SignatureSide.SELLER else None
    if seller is not None:
        return seller.facts.get("name", ""), seller.facts.get("inn", "")
    company = find_company(order.customer_id) if side == SignatureSide.BUYER else None
    if company is not None:
        return company.name, company.inn
    person = get_person(actor_id)
    return (person.full_name or person.email if person else "") or str(actor_id), ""
