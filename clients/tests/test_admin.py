import pytest

from clients.models import Client
from clients.tests import make
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["clients", "accounts"])
COUNTS = ("TOTAL_FORMS", "INITIAL_FORMS")
NO_ROWS = {f"{rows}-{count}": "0" for rows in ("contacts", "consents") for count in COUNTS}
BLANKS = ("industry", "description", "email", "phone", "inn", "kpp", "ogrn", "preferred_channel", "preferred_language")
FORM = {"type": "person", "name": "Anna"} | dict.fromkeys(BLANKS, "") | NO_ROWS


@pytest.mark.parametrize("path", ["client/", "client/?q=an", "client/add/", "activity/"])
def test_screens_open(screens, path):
    make.contact(make.user_client())
    make.activity(make.client())
    assert screens.get(f"/admin/clients/{path}").status_code == 200


def test_cards_are_opened_and_changed_by_services(screens):
    assert screens.post("/admin/clients/client/add/", FORM).status_code == 302
    card = Client.objects.get()
    assert screens.get(f"/admin/clients/client/{card.id}/change/").status_code == 200
    answer = screens.post(f"/admin/clients/client/{card.id}/change/", FORM | {"name": "Vera"})
    assert answer.status_code == 302
    card.refresh_from_db()
    assert (card.name, card.version) == ("Vera", 2)
    assert published("clients") == ["client.created", "client.updated"]


def test_only_cards_without_deals_are_deleted(screens):
    empty, busy = make.client(), make.user_client()
    make.deal(busy.user_id)
    with capture_events("clients") as told:
        screens.post(
            "/admin/clients/client/",
            {"action": "hide", "confirmed": "yes", "_selected_action": [str(empty.id), str(busy.id)]},
        )
    assert list(Client.objects.present()) == [busy]
    assert told == []


def test_a_card_tells_what_happened_in_words(screens):
    card = make.user_client()
    make.deal(card.user_id, total_amount="1828000.00", currency="RUB", reason="insufficient_funds")
    make.deal(card.user_id, number="A-2", total_amount="5.00", reason="Changed their mind")
    page = screens.get(f"/admin/clients/client/{card.id}/change/").content.decode().replace("\u00a0", " ")
    assert "A-1 1 828 000" in page
    assert "Changed their mind" in page
    assert "1828000.00" not in page
    assert "insufficient_funds" not in page
