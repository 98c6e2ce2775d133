"""Who sells what is offered: frozen with the paper as the offer is sent, and refused in words once retired."""

import pytest
from django.utils import timezone

import accounts.tests.make
from core.clock import dealer_day
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from orders import services
from orders.models import LegalEntityCopy, Order, SalesOffer
from orders.services import Actor, ProductLine
from orders.services.offer_papers import read_offer_paper
from orders.tests import make
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
SELLER = Actor(uuid7(), frozenset({"manager"}))


def retire(entity_id):
    LegalEntityCopy.objects.filter(pk=entity_id).update(is_deleted=True, is_default=False)


def accept(offer):
    buyer = Actor(offer.customer_id, frozenset({"client"}))
    return services.accept_offer(offer_id=offer.id, actor=buyer, now=timezone.now())


def test_it_is_ordered_from_whom_its_paper_names_whoever_sells_by_default_then():
    first = make.legal_entity(name="ООО «Первый»")
    offer = make.offer()
    LegalEntityCopy.objects.update(is_default=False)
    second = make.legal_entity("simplified_5", name="ООО «Второй»")
    revision = services.revise_offer(offer_id=offer.id, actor=SELLER, now=timezone.now())
    assert "Первый" in extract_text(read_offer_paper(offer_id=offer.id, now=timezone.now()))
    order = accept(offer)
    assert order.legal_entity_id == first != second
    assert SalesOffer.objects.get(pk=revision.pk).legal_entity_id == first


def test_a_draft_has_the_seller_of_the_moment_it_is_sent():
    make.legal_entity()
    draft = make.offer(is_sent=False)
    assert draft.legal_entity_id is None
    LegalEntityCopy.objects.update(is_default=False)
    second = make.legal_entity()
    sent = services.send_offer(offer_id=draft.id, actor=SELLER, now=timezone.now())
    assert SalesOffer.objects.get(pk=sent.pk).legal_entity_id == second


def test_who_was_retired_is_written_into_no_offer():
    retired = make.legal_entity()
    retire(retired)
    body = {
        "customer_id": str(accounts.tests.make.user("client").id),
        "items": [{"product_id": str(make.product())}],
        "valid_until": str(dealer_day(timezone.now())),
        "legal_entity_id": str(retired),
    }
    refused = Api("manager").post("/offers", body)
    [wrong] = refused.json()["errors"]
    assert (refused.status_code, wrong["field"], wrong["code"]) == (400, "legal_entity_id", "retired")
    assert not SalesOffer.objects.exists()


def test_a_draft_of_who_was_retired_since_is_not_sent():
    seller = make.legal_entity()
    draft = make.offer(legal_entity_id=seller, is_sent=False)
    retire(seller)
    with pytest.raises(InvalidInput) as refused:
        services.send_offer(offer_id=draft.id, actor=SELLER, now=timezone.now())
    assert refused.value.errors[0]["code"] == "retired"


def test_an_offer_of_who_was_retired_since_is_not_ordered():
    seller = make.legal_entity()
    offer = make.offer(lines=[ProductLine(make.product(), 1)])
    retire(seller)
    with pytest.raises(InvalidInput) as refused:
        accept(offer)
    assert refused.value.errors[0]["code"] == "retired"
    offer.refresh_from_db()
    assert (offer.state, Order.objects.count()) == ("sent", 0)


def test_an_offer_of_an_earlier_release_is_ordered_from_whom_its_paper_names_alone():
    """They named no seller, and were given the default of a later day: the buyer has read another one."""
    seller = make.legal_entity(name="ООО «Первый»", inn="7707083893")
    offer = make.offer()
    SalesOffer.objects.update(legal_entity_id=None)
    LegalEntityCopy.objects.update(is_default=False)
    later = make.legal_entity(name="ООО «Второй»")
    for told in (None, later):
        SalesOffer.objects.update(legal_entity_id=told)
        with pytest.raises(InvalidInput) as refused:
            accept(offer)
        assert refused.value.errors[0]["code"] == "another_seller"
        offer.refresh_from_db()
        assert (offer.state, Order.objects.count()) == ("sent", 0)
    LegalEntityCopy.objects.filter(pk=later).update(is_default=False)
    LegalEntityCopy.objects.filter(pk=seller).update(is_default=True)
    SalesOffer.objects.update(legal_entity_id=None)
    assert accept(offer).legal_entity_id == seller


def test_a_company_that_changed_its_name_is_the_same_seller():
    seller = make.legal_entity(name="ООО «Первый»")
    offer = make.offer()
    entity = LegalEntityCopy.objects.get(pk=seller)
    entity.facts |= {"name": "ООО «Первый и сыновья»"}
    entity.save()
    assert accept(offer).legal_entity_id == seller
