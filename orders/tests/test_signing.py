"""Signing papers: a code to the checked phone, bound to the paper, limited in time and tries; and its protocol."""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections
from django.utils import timezone

from core.db import transaction
from core.ids import uuid7
from core.secrecy.sealing import unseal
from core.testing import Api
from gateway.approvals import know_card
from messaging.models import OutboxEvent
from messaging.people.departures import let_history_forget
from orders.models import DocumentSignature, IssuedDocument, OrderHistory, SigningCode
from orders.services import Actor, ProductLine
from orders.services.buyer_papers import check_buyer_papers, enter_buyer_papers
from orders.tests import make
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
MANAGER = Actor(uuid7(), frozenset({"manager"}))


@pytest.fixture(autouse=True)
def gateway(settings):
    settings.SMS_URL = "http://sms.example.com"


@pytest.fixture
def paper():
    made = make.issued(customer_id=uuid7())
    check_buyer_papers(order_id=made.order_id, actor=MANAGER, now=timezone.now())
    return made


@pytest.fixture
def owner(paper):
    return Api("client", user_id=paper.order.customer_id)


def sign(api, paper, code=None):
    return api.post(f"/documents/{paper.id}/sign", {} if code is None else {"code": code})


def sent():
    """The SMS that went out last, as notifications opens it."""
    event = OutboxEvent.objects.using("orders").filter(type="document.signing_begun").order_by("pk").last()
    return json.loads(unseal(event.data["body"].encode()))


def get_code():
    return re.search(r"\d{6}", sent()["text"])[0]


def guess(right):
    return f"{(int(right) + 1) % 1_000_000:06d}"


def test_a_code_goes_to_the_checked_phone_and_signs(paper, owner):
    answer = sign(owner, paper)
    assert (answer.status_code, answer.json()["phone"]) == (202, "+7 ••• •••-••-67")
    assert sent()["to"] == "+79001234567"
    signed = sign(owner, paper, get_code())
    assert (signed.status_code, signed.json()["signatures"][0]["method"]) == (200, "code")
    assert signed.json()["signed_at"], "the buyer alone signs a consent"
    kept = DocumentSignature.objects.get()
    assert (kept.side, kept.signer_id, kept.phone) == ("buyer", owner.user_id, "+79001234567")
    assert (kept.sha256, kept.identity_checked_by) == (paper.sha256, MANAGER.id)
    assert (bool(kept.address), kept.signer_name) == (True, "Иванов Пётр Сергеевич")
    assert OrderHistory.objects.filter(event="document.signed").count() == 1


def test_the_signed_copy_has_a_page_that_proves_it(paper, owner):
    issued = owner.get(f"/documents/{paper.id}/file").content
    sign(owner, paper)
    sign(owner, paper, get_code())
    text = extract_text(owner.get(f"/documents/{paper.id}/file").content)
    assert DocumentSignature.objects.get().code_hash in text.replace(" ", "")
    for said in (
        "Протокол подписания",
        paper.number,
        paper.sha256[:20],
        "простая, одноразовым кодом",
        DocumentSignature.objects.get().address,
        "63-ФЗ",
    ):
        assert said in text, (said, text)
    assert owner.get(f"/documents/{paper.id}/file?copy=issued").content == issued
    assert owner.get(f"/documents/{paper.id}/verify").json()["signatures_match"]


def test_no_code_stands_anywhere_in_the_clear(paper, owner):
    sign(owner, paper)
    code = get_code()
    with connections["orders"].cursor() as cursor:
        cursor.execute(
            f"""SELECT to_jsonb(o)::text FROM {OutboxEvent._meta.db_table} AS o WHERE type = 'document.signing_begun'
               UNION ALL SELECT to_jsonb(c)::text FROM orders_signingcode AS c"""
        )
        rows = [row for (row,) in cursor.fetchall()]
    assert len(rows) == 2
    assert not any(re.search(rf"(?<!\d){code}(?!\d)", row) or "79001234567" in row for row in rows)


# Guessing -------------------------------------------------------------------------------------------------------------
def test_guesses_are_counted_and_lock_the_paper(paper, owner):
    sign(owner, paper)
    right = get_code()
    for left in (4, 3, 2, 1, 0):
        answer = sign(owner, paper, guess(right))
        assert (answer.json()["code"], answer.json()["tries_left"]) == ("wrong_code", left)
    assert sign(owner, paper, right).json()["code"] == "signing_locked"
    locked = sign(owner, paper)
    assert (locked.json()["code"], locked["Retry-After"]) == ("signing_locked", "3600")
    assert not DocumentSignature.objects.exists()


def test_a_new_code_gives_no_new_tries_and_ends_the_old_one(paper, owner):
    now = timezone.now()
    sign(owner, paper)
    first = get_code()
    assert sign(owner, paper).json()["code"] == "signing_locked", "a minute lies between codes"
    sign(owner, paper, guess(first))
    SigningCode.objects.update(sent_at=now - timedelta(minutes=2))
    sign(owner, paper)
    second = get_code()
    if first != second:
        answer = sign(owner, paper, first)
        assert (answer.json()["code"], answer.json()["tries_left"]) == ("wrong_code", 3)
    assert sign(owner, paper, second).status_code == 200


def test_codes_are_few_and_short_lived(paper, owner):
    sign(owner, paper)
    code = get_code()
    SigningCode.objects.update(expires_at=timezone.now())
    assert sign(owner, paper, code).json()["code"] == "code_expired"
    for minutes in range(2, 6):
        SigningCode.objects.filter(sent_at__gt=timezone.now() - timedelta(minutes=1)).update(
            sent_at=timezone.now() - timedelta(minutes=minutes)
        )
        assert sign(owner, paper).status_code == 202
    SigningCode.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
    assert sign(owner, paper).json()["code"] == "signing_locked"


def test_a_code_signs_the_paper_it_was_sent_for_alone(paper, owner):
    sign(owner, paper)
    code = get_code()
    other = make.issued(customer_id=owner.user_id)
    check_buyer_papers(order_id=other.order_id, actor=MANAGER, now=timezone.now())
    assert sign(owner, other, code).json()["code"] == "code_expired"
    SigningCode.objects.update(document=other)
    assert sign(owner, other, code).json()["code"] == "wrong_code"


# When there is nothing to sign ----------------------------------------------------------------------------------------
def test_without_a_checked_passport_no_code_is_sent(paper, owner):
    data = make.PASSPORT | {"phone": "+7 900 765-43-21"}
    buyer = Actor(owner.user_id, frozenset({"client"}))
    sign(owner, paper)
    code = get_code()
    enter_buyer_papers(order_id=paper.order_id, data=data, actor=buyer, now=timezone.now())
    assert sign(owner, paper).json()["code"] == "identity_unchecked"
    assert sign(owner, paper, code).json()["code"] == "identity_unchecked"
    assert SigningCode.objects.count() == 1


def test_an_outdated_paper_is_not_signed(paper, owner):
    data = make.PASSPORT | {"address": "Тверь"}
    buyer = Actor(owner.user_id, frozenset({"client"}))
    enter_buyer_papers(order_id=paper.order_id, data=data, actor=buyer, now=timezone.now())
    check_buyer_papers(order_id=paper.order_id, actor=MANAGER, now=timezone.now())
    assert owner.post(f"/orders/{paper.order_id}/documents", {"kind": "consent"}).json()["id"] != str(paper.id)
    assert sign(owner, paper).json()["code"] == "document_outdated"


def test_nothing_is_signed_twice_and_without_a_gateway_nothing_at_all(paper, owner, settings):
    sign(owner, paper)
    code = get_code()
    sign(owner, paper, code)
    assert sign(owner, paper, code).json()["code"] == "already_signed"
    assert sign(owner, paper).json()["code"] == "already_signed"
    settings.SMS_URL = ""
    assert sign(owner, paper).json()["code"] == "no_sms_gateway"


def test_a_damaged_paper_is_found_and_not_signed(paper, owner, capsys):
    call_command("verify_papers")
    assert "1 of 1 documents" in capsys.readouterr().out
    with transaction("orders"):
        let_history_forget("orders")
        IssuedDocument.objects.update(text="other words")
    assert not owner.get(f"/documents/{paper.id}/verify").json()["is_intact"]
    assert sign(owner, paper).json()["code"] == "document_outdated"
    with pytest.raises(CommandError, match=paper.number):
        call_command("verify_papers")


# The dealer's side ----------------------------------------------------------------------------------------------------
def test_a_manager_signs_for_the_dealer_and_both_sides_make_it_signed():
    from orders.services.deposits import TERMS_VERSION
    from orders.services.issuing import issue_paper

    terms = {"method": "card", "token": "tok_success", "amount": "1000.00", "terms": TERMS_VERSION}
    order = make.order(lines=[ProductLine(make.product(vin="XTAGFK330PY000001"), 1)], deposit=terms)
    owner, manager = Api("client", user_id=order.customer_id), Api("manager")
    enter_buyer_papers(order_id=order.id, data=make.PASSPORT, actor=MANAGER, now=timezone.now())
    check_buyer_papers(order_id=order.id, actor=MANAGER, now=timezone.now())
    paper = issue_paper(order_id=order.id, kind="deposit", language="ru", details={}, actor=MANAGER, now=timezone.now())
    own = Api("manager")
    know_card("orders", card_id=order.customer_id, user_id=own.user_id)
    assert sign(own, paper).json()["code"] == "four_eyes", "the order stands under their own client card"
    signed = sign(manager, paper).json()
    assert (signed["signatures"][0]["side"], signed["signatures"][0]["method"]) == ("seller", "account")
    assert signed["signed_at"] is None
    assert sign(manager, paper).json()["code"] == "already_signed"
    sign(owner, paper)
    assert sign(owner, paper, get_code()).json()["signed_at"]


def test_who_may_not(paper, owner):
    manager = Api("manager")
    assert sign(Api(), paper).status_code == 401
    assert sign(Api("client"), paper).status_code == 404
    assert sign(manager, paper).json()["errors"][0]["code"] == "buyer_alone"
    assert sign(manager, paper, "123456").status_code == 403
    assert sign(owner, paper, "12x456").status_code == 400
    assert owner.post(f"/documents/{uuid7()}/sign", {}).status_code == 404
    assert not SigningCode.objects.exists()
    assert not DocumentSignature.objects.exists()


@pytest.mark.parametrize(
    "change", ["UPDATE orders_documentsignature SET sha256 = 'x'", "DELETE FROM orders_documentsignature"]
)
def test_the_database_refuses_to_change_a_signature(paper, owner, change):
    sign(owner, paper)
    sign(owner, paper, get_code())
    with pytest.raises(IntegrityError), transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute(change)
