"""Reach the seller: contacts, an enquiry with its consent, and the text that is agreed to."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings as given
from django.db import DatabaseError

from clients.models import Consent, ConsentProof, Lead
from config.databases import APPS
from core.db import transaction
from core.ids import uuid7
from messaging.testing import drain_outbox, published
from payments.tests import make as money
from storefront.consents import TEXT_VERSION
from storefront.tests.make import PASSWORD, Visitor, car, hidden_fields

pytestmark = pytest.mark.django_db(databases=APPS)
PLACE = {
    "phone": "+74951112233",
    "email": "shop@example.com",
    "hours": "1-5 09:00-21:00, 6 10:00-18:00",
    "location": "55.8053, 37.5152",
    "landmarks": ["Sokol station @ 55.8143 37.5152"],
}
TEXTS = {"2026-11-24": ("7f9ba1e68131", "3e4fdab6f5cb")}
"""Versions of the consent's text, and how the digests of its Russian and English words begin."""


def text(page):
    return page.content.decode()


def ask(visitor, path="/contacts/ask/", **changes):
    form = hidden_fields(visitor.get(path), "key")
    return visitor.post(path, **form | {"name": "Vera", "phone": "8 916 111-22-33", "is_agreed": "on"} | changes)


@pytest.mark.parametrize(("language", "days"), [("en", ("Mon–Fri", "Sat")), ("ru", ("Пн–Пт", "Сб"))])
def test_contacts_say_how_when_where_and_who(settings, language, days, django_assert_num_queries):
    settings.DEALER_PLACE, settings.DEALER = PLACE, given.DEALER | {"address": "Lesnaya 5"}
    seller = money.legal_entity(is_default=True)
    visitor = Visitor(language=language)
    with django_assert_num_queries(1, using="payments"):
        page = text(visitor.get("/contacts/"))
    for said in ("tel:+74951112233", "+7 495 111-22-33", "shop@example.com", "Lesnaya 5", *days, "09:00–21:00"):
        assert said in page
    assert seller.inn in page
    assert "geo:55.8053,37.5152" in page
    assert not re.findall(r'(?:src|href)="https?://(?!testserver)', page), "nothing is fetched from strangers"


def test_the_sketch_is_to_scale_with_the_north_upwards(settings):
    settings.DEALER_PLACE = PLACE | {"landmarks": ["North @ 55.8153 37.5152", "East @ 55.8053 37.5241"]}
    page = text(Visitor().get("/contacts/"))
    spots = {
        name: (float(x), float(y)) for x, y, name in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(\w+)', page)
    }
    assert spots["North"][0] == 320
    assert spots["North"][1] == 60
    assert spots["East"][1] == 200
    assert spots["East"][0] - 320 == pytest.approx(70, abs=1)  # 0.556 km beside 1.113 km, which are 140 units


def test_without_contacts_the_shop_shows_none(settings):
    settings.DEALER_PLACE = dict.fromkeys(PLACE, "") | {"landmarks": []}
    page = text(Visitor().get("/contacts/"))
    assert "tel:" not in page
    assert '<svg class="way"' not in page


def test_a_guest_asks_about_a_car_once():
    visitor, wanted = Visitor(), car()
    form = hidden_fields(visitor.get(f"/cars/{wanted.id}/ask/"), "key")
    form |= {"name": "Vera", "phone": "8 916 111-22-33", "question": "Is it red?", "is_agreed": "on"}
    answers = [visitor.post(f"/cars/{wanted.id}/ask/", **form) for _ in range(2)]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, f"/cars/{wanted.id}/")}
    lead = Lead.objects.get()
    assert (lead.name, lead.phone, lead.source, lead.stage) == ("Vera", "+79161112233", "website", "new")
    assert wanted.name in lead.note
    assert "Is it red?" in lead.note
    proof = ConsentProof.objects.get()
    assert (proof.lead_id, proof.user_id, proof.door) == (lead.id, None, "lead")
    assert (proof.text_version, proof.language, proof.address) == (TEXT_VERSION, "en", "127.0.0.1")
    assert published("clients") == ["lead.opened"]


@pytest.mark.parametrize("changes", [{"is_agreed": ""}, {"phone": "call me"}, {"phone": ""}, {"name": ""}])
def test_an_enquiry_without_consent_or_number_is_refused(changes):
    assert ask(Visitor(), **changes).status_code == 400
    assert not Lead.objects.exists()
    assert not ConsentProof.objects.exists()
    assert published("clients") == []


def test_nobody_asks_about_a_car_that_is_not_there():
    assert Visitor().get(f"/cars/{uuid7()}/ask/").status_code == 404


def test_signing_up_leaves_the_proof_and_the_card_knows():
    visitor = Visitor(language="ru")
    visitor.post("/sign-up/", email="new@example.com", password=PASSWORD, full_name="Anna", is_agreed="on")
    drain_outbox("accounts", "clients")
    proof, consent = ConsentProof.objects.get(), Consent.objects.get()
    assert (str(proof.user_id), proof.door, proof.language) == (
        visitor.client.session["_auth_user_id"],
        "sign_up",
        "ru",
    )
    assert (consent.kind, consent.is_given, consent.source) == ("personal_data", True, "website")
    assert consent.client.user_id == proof.user_id


def test_a_proof_is_never_rewritten():
    ask(Visitor())
    with pytest.raises(DatabaseError, match="only added to"), transaction("clients"):
        ConsentProof.objects.update(text_version="1999-01-01")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_text_of_a_version_stays_as_it_was_agreed_to(language):
    page = text(Visitor(language=language).get("/personal-data/"))
    assert TEXT_VERSION in page
    source = Path(given.BASE_DIR) / f"templates/storefront/texts/personal_data.{language}.html"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert digest.startswith(TEXTS[TEXT_VERSION][language == "en"]), "new words are a new version"


@pytest.mark.parametrize("path", ["/", "/cars/", "/contacts/"])
def test_every_page_leads_to_the_contacts(path):
    page = text(Visitor().get(path))
    assert 'href="/contacts/"' in page
    assert 'href="/personal-data/"' in page
