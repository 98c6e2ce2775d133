"""Make one object of each kind of insurance for a given user, for the table of permissions."""

from uuid import UUID

from django.utils import timezone

from insurance.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/insurance/quotes")
def quote(owner: UUID) -> Ids:
    return [str(make.quote(customer_id=owner).id)]


@made_by("/insurance/policies")
def policy(owner: UUID) -> Ids:
    return [str(make.policy(customer_id=owner).id)]


@made_by("/insurance/claims")
def claim(owner: UUID) -> Ids:
    return [str(make.claim(make.policy(customer_id=owner)).id)]


@made_by("/insurance/claims/{}/documents/{}")
def paper_of_claim(owner: UUID) -> Ids:
    from insurance.services import add_document

    made = UUID(claim(owner)[0])
    photo = {"kind": "photo", "name": "car.jpg", "content": b"\xff\xd8\xff a photograph"}
    return [str(made), str(add_document(claim_id=made, actor_id=owner, now=timezone.now(), **photo).id)]
