import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients import services
from clients.models import Activity, Client, Contact
from clients.public import find_customer
from clients.tests import make
from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["clients"])
CARD = {"name": "Romashka", "type": "organization", "industry": "retail", "email": "r@example.com"}


def test_a_manager_opens_a_card():
    answer = Api("manager").post("/clients", CARD | {"phone": "+7 495 123-45-67"})
    assert answer.status_code == 201
    body = answer.json()
    assert body | CARD == body
    assert (body["version"], body["user_id"], answer["ETag"]) == (1, None, '"1"')
    assert published("clients") == ["client.created"]


def test_one_idempotency_key_opens_one_card():
    manager = Api("manager")
    first = manager.post("/clients", CARD, Idempotency_Key="k1")
    again = manager.post("/clients", CARD, Idempotency_Key="k1")
    other = manager.post("/clients", CARD | {"name": "Astra"}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert (again.json()["id"], again["Idempotent-Replayed"]) == (first.json()["id"], "true")
    assert Client.objects.count() == 1
    assert published("clients") == ["client.created"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"type": "robot"}, "type"),
        ({"type": None}, "type"),
        ({"email": "nobody"}, "email"),
        ({"phone": "call me"}, "phone"),
    ],
)
def test_bad_cards_are_refused(change, field):
    answer = Api("manager").post("/clients", CARD | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not Client.objects.exists()
    assert published("clients") == []


@pytest.mark.parametrize(("who", "status"), [(Api(), 401), (Api("client"), 403)])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/clients"),
        ("post", "/clients"),
        ("get", "/clients/{id}"),
        ("put", "/clients/{id}"),
        ("patch", "/clients/{id}"),
        ("delete", "/clients/{id}"),
        ("get", "/clients/{id}/contacts"),
        ("post", "/clients/{id}/contacts"),
        ("get", "/clients/{id}/activity"),
        ("post", "/clients/{id}/activity"),
    ],
)
def test_only_managers_come_near(who, status, method, path):
    card = make.client()
    with capture_events("clients") as told:
        answer = who.request(method, path.format(id=card.id), None if method == "get" else CARD)
    assert answer.status_code == status
    assert told == []
    card.refresh_from_db()
    assert (card.name, card.deleted_at, Client.objects.count()) == ("Romashka", None, 1)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/clients/{id}", None),
        ("put", "/clients/{id}", CARD),
        ("delete", "/clients/{id}", CARD),
        ("get", "/clients/{id}/contacts", None),
        ("post", "/clients/{id}/contacts", {"kind": "phone", "value": "+7 900 123-45-67"}),
        ("get", "/clients/{id}/activity", None),
        ("post", "/clients/{id}/activity", {"description": "Wants a red one"}),
    ],
)
@pytest.mark.parametrize("missing", [str(uuid7()), "-" * 36])
def test_a_missing_card_is_404(method, path, body, missing):
    answer = Api("manager").request(method, path.format(id=missing), body)
    assert answer.status_code == 404
    assert published("clients") == []


def test_put_and_patch_change_what_is_named():
    card, manager = make.client(industry="retail"), Api("manager")
    answer = manager.patch(f"/clients/{card.id}", {"industry": "taxi"})
    assert (answer.status_code, answer.json()["industry"], answer.json()["version"]) == (200, "taxi", 2)
    answer = manager.put(f"/clients/{card.id}", {"name": "Vasilek", "type": "organization"})
    assert (answer.json()["name"], answer.json()["industry"], answer["ETag"]) == ("Vasilek", "taxi", '"3"')
    assert published("clients") == ["client.created", "client.updated", "client.updated"]


def test_a_change_of_nothing_tells_nothing():
    card = make.client()
    assert Api("manager").patch(f"/clients/{card.id}", {"name": card.name}).json()["version"] == 1
    assert published("clients") == ["client.created"]


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_stale_version_is_refused(method):
    card = make.client()
    with capture_events("clients") as told:
        answer = Api("manager").request(method, f"/clients/{card.id}", {"name": "Vasilek"}, If_Match='"9"')
    assert answer.status_code == 412
    card.refresh_from_db()
    assert (card.name, card.deleted_at, told) == ("Romashka", None, [])


def test_a_card_without_deals_is_deleted():
    card, manager = make.client(), Api("manager")
    assert manager.delete(f"/clients/{card.id}", If_Match='"1"').status_code == 204
    assert manager.get(f"/clients/{card.id}").status_code == 404
    assert manager.get("/clients").json()["results"] == []


def test_a_card_with_deals_stays():
    card = make.user_client()
    make.deal(card.user_id)
    answer = Api("manager").delete(f"/clients/{card.id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "client_has_deals")
    card.refresh_from_db()
    assert card.deleted_at is None


def test_the_list_filters_searches_and_orders():
    make.client(name="Romashka", email="one@example.com")
    make.client(name="Astra", type="person", industry="taxi", phone="+7 999 888-77-66")
    ask = lambda query: [row["name"] for row in Api("manager").get(f"/clients?{query}").json()["results"]]  # noqa: E731
    assert ask("") == ["Astra", "Romashka"]
    assert ask("ordering=-name") == ["Romashka", "Astra"]
    assert ask("type=person") == ask("industry=taxi") == ask("search=888-77") == ["Astra"]
    assert ask("search=mash") == ask("email=ONE@example.com") == ["Romashka"]


@pytest.mark.parametrize(
    "query", ["color=red", "ordering=phone", "page_size=0", "page_size=101", "cursor=x", "type=no"]
)
def test_a_bad_list_query_is_400(query):
    assert Api("manager").get(f"/clients?{query}").status_code == 400


def test_pages_follow_each_other_at_constant_cost():
    for number in range(7):
        make.client(name=f"Client {number}")
    costs, names = [], []
    path = "/clients?page_size=3&ordering=name"
    while path:
        with CaptureQueriesContext(connections["clients"]) as queries:
            page = Api("manager").get(path).json()
        costs.append(len(queries))
        names += [row["name"] for row in page["results"]]
        path = page["next"] and page["next"].partition("/api/v1")[2]
    assert names == [f"Client {number}" for number in range(7)]
    assert costs == [1, 1, 1]


def test_contacts_are_added_once():
    card, manager = make.client(), Api("manager")
    body = {"kind": "email", "value": "boss@example.com", "name": "Boss", "position": "director"}
    answer = manager.post(f"/clients/{card.id}/contacts", body)
    assert answer.status_code == 201
    assert answer.json() | body | {"client_id": str(card.id)} == answer.json()
    answer = manager.post(f"/clients/{card.id}/contacts", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_exists")
    assert [row["value"] for row in manager.get(f"/clients/{card.id}/contacts/").json()["results"]] == [body["value"]]
    assert published("clients") == ["client.created", "client.contact.added"]


@pytest.mark.parametrize(
    "body", [{}, {"kind": "email", "value": "nobody"}, {"kind": "phone", "value": "x"}, {"kind": "owl", "value": "x"}]
)
def test_bad_contacts_are_refused(body):
    card = make.client()
    assert Api("manager").post(f"/clients/{card.id}/contacts", body).status_code == 400
    assert not Contact.objects.exists()
    assert published("clients") == ["client.created"]


def test_several_contacts_are_added_together_or_not_at_all():
    card, manager = make.client(), Api("manager")
    mail = {"kind": "email", "value": "boss@example.com", "name": "Boss", "position": "director"}
    phone = mail | {"kind": "phone", "value": "8 (900) 123-45-67"}
    answer = manager.post(f"/clients/{card.id}/contacts/batch", {"contacts": [mail, phone]})
    assert answer.status_code == 201
    made = answer.json()["contacts"]
    assert [(row["kind"], row["value"]) for row in made] == [("email", mail["value"]), ("phone", "+79001234567")]
    assert len({row["created_at"] for row in made}) == 1
    told = published("clients")
    assert told == ["client.created", "client.contact.added", "client.contact.added"]
    wrong = {"kind": "phone", "value": "x"}
    refused = manager.post(f"/clients/{card.id}/contacts/batch", {"contacts": [mail | {"value": "a@b.ru"}, wrong]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "contacts.1.value")
    again = manager.post(f"/clients/{card.id}/contacts/batch", {"contacts": [mail | {"value": "c@b.ru"}, mail]})
    assert (again.status_code, again.json()["code"]) == (409, "contact_exists")
    for none in ([], [mail] * 21, {}, None):
        assert manager.post(f"/clients/{card.id}/contacts/batch", {"contacts": none}).status_code == 400
    assert (Contact.objects.count(), published("clients")) == (2, told)


def test_ones_own_card_is_shown_without_what_managers_note():
    person = Api("client")
    assert person.get("/clients/me").status_code == 404
    profile = {"email": "anna@example.com", "full_name": "Anna", "phone": "", "version": 1}
    services.follow_user(user_id=person.user_id, profile=profile, now=timezone.now())
    card = Client.objects.get()
    card.description = "haggles"
    card.save()
    shown = person.get("/clients/me").json()
    assert (shown["id"], shown["name"], shown["email"]) == (str(card.id), "Anna", "anna@example.com")
    assert not {"description", "industry", "user_id", "inn"} & shown.keys()
    assert Api("client").get("/clients/me").status_code == 404
    assert Api().get("/clients/me").status_code == 401


def test_a_card_merged_into_another_users_shows_nothing_of_theirs():
    """Spouses are often one client to a manager, and their phones are nobody else's."""
    anna, boris = (
        make.user_client(),
        make.user_client(email="boris@example.com", full_name="Boris", phone="+79990000001"),
    )
    make.merge(anna, boris)
    shown = Api("client", user_id=boris.user_id).get("/clients/me").json()
    assert (shown["id"], shown["name"], shown["phone"]) == (str(boris.id), "Boris", "+79990000001")
    walk_in = make.client(type="person")
    make.merge(walk_in, anna)
    assert Api("client", user_id=boris.user_id).get("/clients/me").json() == shown


def test_a_card_merged_into_a_walk_ins_shows_as_that():
    anna, walk_in = make.user_client(), make.client(type="person")
    make.merge(walk_in, anna)
    assert Api("client", user_id=anna.user_id).get("/clients/me").json()["id"] == str(walk_in.id)


def test_what_is_sold_to_a_merged_card_is_its_users():
    anna, boris, walk_in = make.user_client(), make.user_client(), make.client(type="person")
    assert find_customer(walk_in.id) == walk_in.id
    make.merge(walk_in, anna)
    assert (find_customer(walk_in.id), find_customer(anna.id)) == (anna.user_id, anna.user_id)
    make.merge(walk_in, boris)
    assert [find_customer(card.id) for card in (walk_in, anna, boris)] == [walk_in.id, anna.user_id, boris.user_id]
    assert find_customer(uuid7()) is None


def test_a_manager_notes_a_call():
    card, manager = make.client(), Api("manager")
    answer = manager.post(f"/clients/{card.id}/activity", {"kind": "call", "description": "Wants a red one"})
    assert answer.status_code == 201
    assert answer.json()["author_id"] == str(manager.user_id)
    assert published("clients") == ["client.created", "client.activity.logged"]


@pytest.mark.parametrize("body", [{}, {"kind": "order_paid", "description": "x"}, {"description": ""}])
def test_bad_activities_are_refused(body):
    card = make.client()
    assert Api("manager").post(f"/clients/{card.id}/activity", body).status_code == 400
    assert not Activity.objects.exists()
    assert published("clients") == ["client.created"]


def test_the_timeline_joins_notes_and_deals_newest_first():
    card, manager = make.user_client(), Api("manager")
    make.activity(card)
    make.deal(card.user_id)
    make.deal(uuid7())
    rows = manager.get(f"/clients/{card.id}/activity").json()["results"]
    assert [row["kind"] for row in rows] == ["order_created", "call"]
    assert [row["kind"] for row in manager.get(f"/clients/{card.id}/activity?kind=call").json()["results"]] == ["call"]
