"""Keep the proof of a consent as long as the law wants it, and no longer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.events import UserConsented, UserDeleted
from clients import services
from clients.models import Consent, ConsentProof
from clients.plugin.personal import THREE_YEARS
from clients.tests import make
from core.ids import uuid7
from core.testing import Api
from messaging.people.endings import end_due
from messaging.people.personal import export

pytestmark = pytest.mark.django_db(databases=["clients", "accounts"])


def consent(user_id, **changes):
    told = {"door": "loan", "text_version": "2026-11-24", "language": "ru", "address": "198.51.100.7"}
    return UserConsented(user_id=user_id, **told | changes)


def test_a_consent_is_kept_once_and_noted_on_the_card(deliver):
    card = make.user_client()
    fact = consent(card.user_id)
    deliver(fact)
    proof = ConsentProof.objects.get()
    assert (proof.user_id, proof.door, proof.text_version) == (card.user_id, "loan", "2026-11-24")
    assert (proof.language, proof.address) == ("ru", "198.51.100.7")
    assert list(Consent.objects.values_list("client", "kind", "is_given")) == [(card.id, "personal_data", True)]
    assert export("clients", card.user_id)["consentproof"][0]["text_version"] == "2026-11-24"
    shown = Api("manager").get(f"/clients/{card.id}/consents").json()["results"]
    assert shown[0]["kind"] == "personal_data"


def test_the_proof_outlives_its_giver_by_three_years_at_most(deliver):
    card = make.user_client()
    deliver(consent(card.user_id))
    deliver(UserDeleted(user_id=card.user_id))
    now = timezone.now()
    end_due("clients", now=now + THREE_YEARS - timedelta(days=2))
    assert ConsentProof.objects.get().address == "198.51.100.7"
    end_due("clients", now=now + THREE_YEARS + timedelta(days=2))
    proof = ConsentProof.objects.get()
    assert (proof.address, proof.text_version, proof.user_id) == ("", "2026-11-24", card.user_id)


def test_a_stranger_keeps_theirs(deliver):
    card = make.user_client()
    deliver(consent(card.user_id))
    end_due("clients", now=timezone.now() + THREE_YEARS * 2)
    assert ConsentProof.objects.get().address == "198.51.100.7"


def test_a_guests_address_goes_three_years_after_it_was_given():
    now = timezone.now()
    told = {"text_version": "2026-11-24", "language": "ru", "address": "198.51.100.7"}
    services.record_lead_consent(lead_id=make.lead().id, user_id=None, **told, now=now)
    end_due("clients", now=now + THREE_YEARS - timedelta(days=2))
    assert ConsentProof.objects.get().address == "198.51.100.7"
    end_due("clients", now=now + THREE_YEARS + timedelta(days=2))
    assert ConsentProof.objects.get().address == ""


def test_a_consent_of_somebody_whose_card_is_hidden_is_kept_and_holds_nothing_up(deliver):
    card, stranger = make.user_client(), uuid7()
    services.delete_client(client_id=card.id, now=timezone.now())
    deliver(consent(card.user_id), consent(stranger), UserDeleted(user_id=card.user_id))
    assert set(ConsentProof.objects.values_list("user_id", flat=True)) == {card.user_id, stranger}
    assert not Consent.objects.exists()
    card.refresh_from_db()
    assert card.email == "", "the erasure came through"
