from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from core.ids import uuid7
from insurance import services
from insurance.models import Claim, ClaimDocument
from insurance.tests import make as insurance
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "insurance"])


def text(response):
    return response.content.decode()


@pytest.fixture
def visitor():
    return Visitor("client")


@pytest.fixture
def policy(visitor):
    return insurance.policy(customer_id=visitor.user.id, now=timezone.now() - timedelta(days=9))


def report(visitor, policy, **changes):
    when = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    form = {"occurred_at": when, "amount": "50000", "description": "A tree fell.", "key": "one"} | changes
    return visitor.post(f"/insurance/{policy.id}/claim/", **form)


def test_the_wallet_shows_ones_own_policies_and_claims(visitor, policy):
    other = insurance.policy()
    page = text(visitor.get("/insurance/"))
    assert policy.number in page
    assert str(other.id) not in page
    services.reject_claim(
        claim_id=insurance.claim(policy).id, manager_id=uuid7(), reason="Too old a dent.", now=timezone.now()
    )
    assert "Too old a dent." in text(visitor.get("/insurance/"))


def test_an_empty_wallet_says_so_and_strangers_sign_in(visitor):
    assert "No policies yet" in text(visitor.get("/insurance/"))
    assert Visitor().get("/insurance/").status_code == 302


def test_a_policy_is_printed_for_its_owner_only(visitor, policy):
    assert visitor.get(f"/insurance/{policy.id}/document/").content.startswith(b"%PDF-")
    assert Visitor("client").get(f"/insurance/{policy.id}/document/").status_code == 404


def test_a_loss_is_reported_once_without_scripts(visitor, policy):
    for _ in range(2):
        assert report(visitor, policy)["Location"] == "/insurance/"
    assert Claim.objects.get().amount == 50_000
    assert "Opened" in text(visitor.get("/insurance/"))


def test_a_report_tells_where_it_was_and_who_drove(visitor, policy):
    told = {"place": "Tverskaya, 1", "driver_name": "A. Ivanov", "driver_birth_date": "1985-05-20", "kind": "collision"}
    assert report(visitor, policy, **told).status_code == 302
    claim = Claim.objects.get()
    assert (claim.place, claim.driver_name, str(claim.driver_birth_date)) == tuple(told.values())[:3]


def test_what_is_wrong_is_said(visitor, policy):
    refused = report(visitor, policy, amount="much")
    assert refused.status_code == 400
    assert 'role="alert"' in text(refused)
    late = report(visitor, policy, occurred_at="2020-01-01T00:00", key="two")
    assert (late.status_code, "not in force at that moment" in text(late)) == (409, True)
    assert "A tree fell." in text(late), "what was typed stays"
    assert report(Visitor("client"), policy).status_code == 404
    assert not Claim.objects.exists()


def photo(content=b"\xff\xd8\xff a dent"):
    return SimpleUploadedFile("dent.jpg", content)


def test_photographs_are_added_to_ones_own_claim_and_shown(visitor, policy):
    claim = insurance.claim(policy, kind="glass")
    path = f"/insurance/claims/{claim.id}/papers/"
    assert "○ papers complete" in text(visitor.get("/insurance/"))
    for _ in range(2):
        assert visitor.post(path, kind="photo", files=[photo()])["Location"] == "/insurance/"
    page = text(visitor.get("/insurance/"))
    assert "✓ papers complete" in page
    assert page.count("dent.jpg") == 1
    assert ClaimDocument.objects.get().content_type == "image/jpeg"


def test_papers_that_cannot_be_taken_are_refused_and_said(visitor, policy):
    claim = insurance.claim(policy)
    path = f"/insurance/claims/{claim.id}/papers/"
    for sent, said in (
        ({"kind": "photo", "files": [photo(b"#!/bin/sh")]}, "JPEG"),
        ({"kind": "selfie", "files": [photo()]}, "no such kind"),
        ({"kind": "photo"}, "at least one file"),
    ):
        visitor.post(path, **sent)
        assert said in text(visitor.get("/insurance/"))
    assert Visitor("client").post(path, kind="photo", files=[photo()]).status_code == 404
    assert Visitor().post(path, kind="photo", files=[photo()]).status_code == 302
    assert not ClaimDocument.objects.exists()
