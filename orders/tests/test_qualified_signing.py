"""Qualified signatures: asked for outside transactions, believed once they are checked, never made twice."""

import base64

import pytest
from cryptography import x509
from django.utils import timezone

from core.secrecy.cms import BadSignature, Signer, check_signature
from core.secrecy.sealing import unseal
from core.testing import Api
from gateway.approvals import know_card
from messaging.models import ExternalCall
from messaging.testing import drain_outbox, make_due
from orders.models import DocumentSignature, OrderHistory, QualifiedSigning
from orders.services import ProductLine
from orders.services.qualified import apply_signing_answer
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.pdf import extract_text
from payments.tests.conftest import serving
from sandbox.bank.faults import FaultScript
from sandbox.signing.authority import Authority
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])


def drain(rounds=8):
    """Let everything happen, retries too, without waiting for them."""
    for _ in range(rounds):
        make_due("orders")
        drain_outbox("orders")


@pytest.fixture
def provider(tmp_path, settings):
    with serving(tmp_path) as running:
        settings.SIGNING_PROVIDER, settings.SIGNING_URL = "sandbox", running.url
        settings.SIGNING_AUTHORITY, settings.PROVIDER_TIMEOUT_S = str(tmp_path / "ca.pem"), 5
        yield running


def issue_for(entity_id):
    """A contract of a car that is held for its buyer."""
    lines = [ProductLine(make.product(vin="XTAGFK330PY000001"), 1)]
    order = make.order(lines=lines, legal_entity_id=entity_id)
    receive(answers.reserved(order))
    order.refresh_from_db()
    return make.issued_contract(order)


@pytest.fixture
def paper():
    return issue_for(make.legal_entity())


def ask(paper, api=None):
    return (api or Api("manager")).post(f"/documents/{paper.id}/sign-qualified")


def test_a_manager_whose_client_card_bought_does_not_have_it_signed_for_the_dealer(paper, provider):
    own = Api("manager")
    know_card("orders", card_id=paper.order.customer_id, user_id=own.user_id)
    assert ask(paper, own).json()["code"] == "four_eyes"
    assert not QualifiedSigning.objects.exists()


def test_a_manager_has_a_paper_signed_for_the_dealer(paper, provider):
    answer = ask(paper)
    assert (answer.status_code, answer.json()["state"], answer.json()["side"]) == (202, "requested", "seller")
    assert not DocumentSignature.objects.exists(), "nobody is asked before this has committed"
    drain()
    signed = Api("manager").get(f"/documents/{paper.id}").json()
    assert (signed["signings"][0]["state"], signed["signatures"][0]["method"]) == ("signed", "qualified")
    kept = DocumentSignature.objects.get()
    assert (kept.sha256, kept.signer_name, "7714000009" in kept.certificate) == (paper.sha256, "ООО «Салон»", True)
    assert [row.data["state"] for row in OrderHistory.objects.filter(event="document.qualified")] == [
        "requested",
        "signed",
    ]
    assert ask(paper).json()["code"] == "already_signed"
    text = extract_text(Api("manager").get(f"/documents/{paper.id}/file").content)
    assert "усиленная квалифицированная" in text
    assert "Test authority of the sandbox" in text


def test_the_buyer_signs_their_side(paper, provider):
    owner = Api("client", user_id=paper.order.customer_id)
    assert ask(paper, owner).json()["side"] == "buyer"
    drain()
    assert DocumentSignature.objects.get().side == "buyer"
    assert ask(paper, Api("client")).status_code == 404


def test_one_request_at_a_time_and_none_without_a_provider(paper, provider, settings):
    first = ask(paper).json()
    second = ask(paper).json()
    assert (second["code"], second["signing_id"]) == ("signing_pending", first["id"])
    settings.SIGNING_PROVIDER = "none"
    assert ask(paper).json()["code"] == "no_signing_provider"


@pytest.mark.parametrize("fault", ["unavailable:0.5", "lose_answer:0.6", "time_out:0.5"])
def test_faults_lose_and_double_nothing(paper, fault, tmp_path, settings):
    settings.SIGNING_PROVIDER, settings.PROVIDER_TIMEOUT_S, settings.BREAKER_FAILURES = "sandbox", 0.3, 1000
    settings.SIGNING_AUTHORITY = str(tmp_path / "ca.pem")
    with serving(tmp_path, faults=FaultScript.read(f"{fault}/7"), late_s=0.6) as bad:
        settings.SIGNING_URL = bad.url
        ask(paper)
        for _ in range(12):
            drain(rounds=2)
            if QualifiedSigning.objects.get().state == "signed":
                break
    assert QualifiedSigning.objects.get().state == "signed"
    assert DocumentSignature.objects.count() == 1


def test_silence_is_unknown_and_asked_about_until_it_is_answered(paper, provider, settings):
    there, settings.SIGNING_URL, settings.BREAKER_FAILURES = settings.SIGNING_URL, nowhere(), 1000
    ask(paper)
    drain(rounds=6)
    assert QualifiedSigning.objects.get().state in ("requested", "unknown")
    settings.SIGNING_URL = there
    drain()
    assert QualifiedSigning.objects.get().state == "signed"


def test_a_revoked_certificate_is_refused_and_may_be_asked_again(provider):
    paper = issue_for(make.legal_entity(name="ООО «отозван»"))
    ask(paper)
    drain()
    found = QualifiedSigning.objects.get()
    assert (found.state, found.failure_code) == ("refused", "certificate_revoked")
    assert ask(paper).status_code == 202


# What is believed -----------------------------------------------------------------------------------------------------
def answer_with(paper, cms):
    found = QualifiedSigning.objects.get()
    told = {"status": "signed", "cms": base64.b64encode(cms).decode()}
    apply_signing_answer(signing_id=found.id, answer=told, now=timezone.now())
    found.refresh_from_db()
    return found.state, found.failure_code


@pytest.mark.parametrize(("of", "inn", "by", "code"), [
    ("other bytes", "7714000009", "ours", "bad_signature"), ("", "7714000009", "stranger", "bad_signature"),
    ("", "7707083893", "ours", "another_signer"), ("", "", "ours", "another_signer"),
])  # fmt: skip
def test_a_signature_that_does_not_prove_itself_is_refused(paper, provider, tmp_path, of, inn, by, code):
    ask(paper)
    authority = Authority(tmp_path if by == "ours" else tmp_path / "stranger")
    content = of.encode() or unseal(bytes(paper.content))
    assert answer_with(paper, authority.sign(content, name="ООО «Салон»", inn=inn)) == ("refused", code)
    assert not DocumentSignature.objects.exists()


def test_of_a_buyer_without_a_number_the_name_is_believed_and_nobody_elses(paper, provider, tmp_path):
    owner = Api("client", user_id=paper.order.customer_id)
    ask(paper, owner)
    content, authority = unseal(bytes(paper.content)), Authority(tmp_path)
    stranger = authority.sign(content, name="Пётр Чужой", inn="500100732259")
    assert answer_with(paper, stranger) == ("refused", "another_signer")
    QualifiedSigning.objects.all().delete()
    ask(paper, owner)
    assert answer_with(paper, authority.sign(content, name=str(owner.user_id), inn="")) == ("signed", "")


@pytest.mark.parametrize(("wanted", "is_theirs"), [
    ("Анна Ивановна Петрова", True), ("ПЕТРОВА Анна Ивановна", True), ("Анна Петрова", False), (" ", False),
])  # fmt: skip
def test_a_name_is_the_same_in_any_order_of_its_words(wanted, is_theirs):
    signer = Signer("", "", "", frozenset(), frozenset({"петрова анна ивановна", " "}))
    assert signer.is_named(wanted) == is_theirs


def test_nonsense_is_no_signature(paper, provider, tmp_path):
    ask(paper)
    authority = Authority(tmp_path)
    good = authority.sign(b"content", name="А", inn="")
    trusted = x509.load_pem_x509_certificate(authority.file.read_bytes())
    assert check_signature(good, b"content", trusted, timezone.now()).subject == "CN=А"
    for bad in (b"", b"0", good[:-9], good[:80], bytes(200), good.replace(b"\x30", b"\x31")):
        with pytest.raises(BadSignature):
            check_signature(bad, b"content", trusted, timezone.now())
    assert answer_with(paper, b"nonsense") == ("refused", "bad_signature")


def test_said_again_it_changes_nothing(paper, provider):
    ask(paper)
    drain()
    found = QualifiedSigning.objects.get()
    for status in ("signed", "refused", "pending"):
        assert not apply_signing_answer(signing_id=found.id, answer={"status": status}, now=timezone.now())
    call = ExternalCall.objects.using("orders").get(key=found.key)
    assert "content" not in call.request
