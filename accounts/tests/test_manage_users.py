import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts import public, services
from accounts.errors import LastAdmin
from accounts.models import Session, User
from accounts.tests import make
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events, drain_outbox, published

pytestmark = pytest.mark.django_db(databases=make.ERASING)
FORM = {"email": "Vera@example.com", "password": make.PASSWORD, "full_name": "Вера", "phone": "+7 (900) 123-45-67"}


@pytest.fixture
def admin() -> Api:
    return make.api(make.user("admin", email="root@example.com"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/users"),
        ("post", "/users"),
        ("get", "/users/search?query=x"),
        ("get", "/users/{id}"),
        ("put", "/users/{id}"),
        ("patch", "/users/{id}"),
        ("delete", "/users/{id}"),
        ("put", "/users/{id}/roles"),
    ],
)
@pytest.mark.parametrize(("caller", "status"), [((), 401), (("client",), 403), (("manager",), 403)])
def test_only_administrators_manage_users(method, path, caller, status):
    person = make.user(full_name="Вера")
    body = None if method == "get" else FORM | {"roles": ["admin"]}
    with capture_events("accounts") as events:
        assert Api(*caller).request(method, path.format(id=person.id), body).status_code == status
    assert events == []
    assert User.objects.get().full_name == "Вера"


def test_an_administrator_creates_an_account(admin):
    with capture_events("accounts") as events:
        answer = admin.post("/users", FORM)
    assert (answer.status_code, events) == (201, ["user.created"])
    assert (answer.json()["email"], answer.json()["roles"]) == ("vera@example.com", ["client"])
    assert Api().post("/auth/login", {"email": "vera@example.com", "password": make.PASSWORD}).status_code == 200


@pytest.mark.parametrize("change", [{"email": "x"}, {"password": "short"}, {"role": "root"}, {"phone": "x"}])
def test_bad_input_creates_nobody(admin, change):
    assert admin.post("/users", FORM | change).status_code == 400
    assert User.objects.count() == 1


def test_a_taken_email_creates_nobody(admin):
    assert admin.post("/users", FORM | {"email": "ROOT@example.com"}).status_code == 409


def test_a_list_can_be_filtered_and_ordered(admin):
    manager, client = make.user("manager", full_name="Аня"), make.user(full_name="Яна")
    services.close_account(user_id=client.id, now=timezone.now())

    def ids(query: str) -> list[str]:
        return [row["id"] for row in admin.get(f"/users?{query}").json()["results"]]

    root = str(admin_id())
    assert ids("") == [str(client.id), str(manager.id), root]
    assert ids("ordering=created_at") == [root, str(manager.id), str(client.id)]
    assert ids("ordering=-full_name")[:2] == [str(client.id), str(manager.id)]
    assert ids("role=manager") == [str(manager.id)]
    assert ids("is_active=false") == [str(client.id)]
    assert ids("search=яна") == [str(client.id)]
    tomorrow = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ids(f"created_after={tomorrow}") == []
    assert len(ids(f"created_before={tomorrow}")) == 3


def admin_id():
    return User.objects.get(email="root@example.com").id


@pytest.mark.parametrize("query", ["role=root", "colour=red", "ordering=password", "page_size=101", "created_after=x"])
def test_bad_list_parameters_are_refused(admin, query):
    assert admin.get(f"/users?{query}").status_code == 400


def test_search_finds_by_any_part_of_a_person(admin):
    person = make.user(**FORM | {"username": "vera.p"})
    make.user()
    for query in ("вер", "VERA@", "vera.p", "9001234567", "Вера vera"):
        found = admin.get(f"/users/search?query={query}").json()
        assert [row["id"] for row in found["results"]] == [str(person.id)], query
        assert set(found) == {"next", "previous", "results"}
    for query in ("никто", "%", "_ _"):
        assert admin.get(f"/users/search?query={query}").json()["results"] == []


@pytest.mark.parametrize("query", ["", "query=", "query=%20", "query=x&colour=red", "query=%00"])
def test_a_search_for_nothing_is_refused(admin, query):
    assert admin.get(f"/users/search?{query}").status_code == 400


def test_pages_follow_each_other(admin):
    for _ in range(4):
        make.user()
    first = admin.get("/users?page_size=3").json()
    second = admin.client.get(first["next"], headers=admin.headers).json()
    assert len({row["id"] for row in first["results"] + second["results"]}) == 5


def test_a_list_costs_the_same_for_any_length(admin, django_assert_num_queries):
    for _ in range(50):
        make.user()
    for size in (5, 50):
        with django_assert_num_queries(1, using="accounts"):
            assert len(admin.get(f"/users?page_size={size}").json()["results"]) == size


def test_one_account(admin):
    person = make.user()
    answer = admin.get(f"/users/{person.id}")
    assert (answer.status_code, answer.json()["email"], answer["ETag"]) == (200, person.email, '"1"')
    for wrong in (uuid7(), "-" * 36):
        assert admin.get(f"/users/{wrong}").status_code == 404
        assert admin.put(f"/users/{wrong}/roles", {"roles": ["client"]}).status_code == 404
        assert admin.delete(f"/users/{wrong}").status_code == 404


def test_an_administrator_changes_a_profile(admin):
    person = make.user(full_name="Вера", phone="+79001234567")
    with capture_events("accounts") as events:
        body = admin.patch(f"/users/{person.id}", {"full_name": "Вера Павловна"}).json()
    assert (body["full_name"], body["phone"], events) == ("Вера Павловна", "+79001234567", ["user.updated"])
    assert admin.put(f"/users/{person.id}", {"full_name": "В."}).json()["phone"] == "+79001234567"
    assert admin.patch(f"/users/{person.id}", {"phone": ""}, If_Match='"1"').status_code == 412


def test_closing_an_account_bites(admin):
    person = make.user()
    caller = make.api(person)
    with capture_events("accounts") as events:
        body = admin.patch(f"/users/{person.id}", {"is_active": False}).json()
    assert (body["is_active"], events) == (False, ["user.deactivated", "user.logged_out"])
    drain_outbox("accounts")
    assert caller.get("/auth/me").status_code == 401
    with capture_events("accounts") as events:
        assert admin.patch(f"/users/{person.id}", {"is_active": True}).json()["is_active"] is True
    assert events == ["user.updated"]
    assert make.api(person).get("/auth/me").status_code == 200


def test_roles_change(admin):
    person = make.user()
    caller = make.api(person)
    with capture_events("accounts") as events:
        answer = admin.put(f"/users/{person.id}/roles", {"roles": ["manager", "client", "manager"]})
    assert (answer.status_code, answer.json()["roles"], events) == (200, ["client", "manager"], ["user.role_changed"])
    data = OutboxEvent.objects.using("accounts").get(type="user.role_changed").data
    assert (data["roles"], data["previous"]) == (["client", "manager"], ["client"])
    drain_outbox("accounts")
    assert caller.get("/auth/me").status_code == 200
    with capture_events("accounts") as events:
        admin.put(f"/users/{person.id}/roles", {"roles": ["client", "manager"]})
    assert events == []


def test_a_role_taken_away_bites_but_the_session_lives_on(admin):
    person = make.user("manager")
    pair = make.pair(person)
    admin.put(f"/users/{person.id}/roles", {"roles": ["client"]})
    drain_outbox("accounts")
    assert make.bearer(pair.access_token).get("/auth/me").status_code == 401
    fresh = Api().post("/auth/refresh", {"refresh_token": pair.refresh_token}).json()
    assert make.bearer(fresh["access_token"]).get("/auth/me").json()["roles"] == ["client"]


@pytest.mark.parametrize("roles", [[], ["root"], "admin", None, ["client"] * 4, [["client"]]])
def test_bad_roles_are_refused(admin, roles):
    person = make.user()
    with capture_events("accounts") as events:
        assert admin.put(f"/users/{person.id}/roles", {"roles": roles}).status_code == 400
    assert events == []
    assert User.objects.get(pk=person.pk).roles == ["client"]


def test_the_last_administrator_stays(admin):
    root = admin_id()
    with capture_events("accounts") as events:
        answers = [
            admin.put(f"/users/{root}/roles", {"roles": ["manager"]}),
            admin.patch(f"/users/{root}", {"is_active": False}),
            admin.delete(f"/users/{root}"),
        ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "last_admin")] * 3
    assert events == []
    make.user("admin")
    assert admin.delete(f"/users/{root}").status_code == 204


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_two_administrators_cannot_remove_each_other():
    pair, gate, refused = [make.user("admin"), make.user("admin")], threading.Barrier(2), []

    def demote(person: User) -> None:
        try:
            gate.wait()
            services.change_roles(user_id=person.id, roles=["client"], now=timezone.now())
        except LastAdmin:
            refused.append(person)
        finally:
            connections["accounts"].close()

    threads = [threading.Thread(target=demote, args=[person]) for person in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert User.objects.filter(roles__contains=["admin"]).count() == 1


def test_deleting_forgets_the_person_and_keeps_the_id(admin):
    person = make.user(**FORM | {"username": "vera"})
    caller = make.api(person)
    with capture_events("accounts") as events:
        assert admin.delete(f"/users/{person.id}").status_code == 204
    assert events == ["user.deactivated", "user.logged_out", "user.deleted"]
    drain_outbox("accounts")
    assert caller.get("/auth/me").status_code == 401
    body = admin.get(f"/users/{person.id}").json()
    assert (body["id"], body["is_active"], body["email"]) == (str(person.id), False, f"{person.id}@erased.invalid")
    assert [body[name] for name in ("username", "full_name", "first_name", "last_name", "phone")] == [""] * 5
    kept = str(User.objects.filter(pk=person.pk).values()) + str(Session.objects.filter(user=person).values())
    for trace in ("vera", "Вера", "9001234567", "pytest", make.ADDRESS):
        assert trace not in kept
    assert Api().post("/auth/login", {"email": "vera@example.com", "password": make.PASSWORD}).status_code == 401
    assert admin.get("/users/search?query=vera").json()["results"] == []
    assert str(person.id) not in str(admin.get("/users").json())


def test_deleting_twice_changes_nothing_and_nothing_else_is_allowed(admin):
    person = make.user()
    admin.delete(f"/users/{person.id}")
    with capture_events("accounts") as events:
        assert admin.delete(f"/users/{person.id}").status_code == 204
        answers = [
            admin.patch(f"/users/{person.id}", {"full_name": "x"}),
            admin.patch(f"/users/{person.id}", {"is_active": True}),
            admin.put(f"/users/{person.id}/roles", {"roles": ["admin"]}),
        ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "user_erased")] * 3
    assert events == []


def test_an_erased_email_may_be_used_again(admin):
    person = make.user(email="vera@example.com")
    admin.delete(f"/users/{person.id}")
    assert Api().post("/auth/register", FORM).status_code == 201


def test_other_apps_may_ask_about_people(django_assert_num_queries):
    person, other = make.user("manager", full_name="Вера"), make.user()
    assert public.get_person(person.id) == public.Person(person.id, person.email, "Вера", "", ("manager",), True)
    assert public.get_person(uuid7()) is None
    assert public.find_by_email(person.email.upper()).id == person.id
    assert public.find_by_email("nobody@example.com") is None
    with django_assert_num_queries(1, using="accounts"):
        assert set(public.get_people([person.id, other.id, uuid7()])) == {person.id, other.id}


def test_pages_by_number_say_how_many_there_are(admin):
    people = [make.user(full_name=f"Vera {number}") for number in range(5)]
    page = admin.get("/users?page=2&page_size=2").json()
    assert ([row["id"] for row in page["results"]], page["total"]) == ([str(people[2].id), str(people[1].id)], 6)
    found = admin.get("/users/search?query=vera&page=3&page_size=2").json()
    assert ([row["id"] for row in found["results"]], found["total"], found["next"]) == ([str(people[0].id)], 5, None)
    assert admin.get("/users?page=1001&page_size=10").status_code == 400


def test_registration_at_the_same_moment_gives_one_account():
    make.user(email="vera@example.com")
    answer = Api().post("/auth/register", FORM)
    assert answer.status_code == 409
    assert published("accounts") == ["user.created"]


def test_search_is_served_by_the_trigram_index():
    with connections["accounts"].cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        query, parameters = User.objects.search("Ivanova")[:25].query.get_compiler("accounts").as_sql()
        cursor.execute(f"EXPLAIN {query}", parameters)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "user_by_search_text" in plan, plan
