from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.errors import WrongCredentials
from accounts.models import Activity
from accounts.tests import make
from core.testing import Api

pytestmark = pytest.mark.django_db(databases=make.ERASING)


def kinds(caller, person, query=""):
    answer = caller.get(f"/users/{person.id}/activity{query}")
    assert answer.status_code == 200, answer.content
    return [row["kind"] for row in answer.json()["results"]]


def test_a_person_reads_what_happened_newest_first():
    person = make.user()
    Api().post("/auth/login", {"email": person.email, "password": "wrong"}, User_Agent="Firefox")
    Api().post("/auth/login", {"email": person.email, "password": make.PASSWORD}, User_Agent="Firefox")
    caller = make.api(person)
    caller.patch("/users/me", {"full_name": "Анна"})
    caller.put("/users/me/password", {"old_password": make.PASSWORD, "new_password": "another-horse-battery"})
    assert kinds(caller, person) == [
        "signed_out", "password_changed", "profile_changed", "signed_in", "signed_in", "sign_in_failed", "created",
    ]  # fmt: skip
    rows = caller.get(f"/users/{person.id}/activity").json()["results"]
    signed_in = next(row for row in rows if row["kind"] == "signed_in" and row["device"] == "Firefox")
    assert (signed_in["address"], bool(signed_in["request_id"])) == ("127.0.0.1", True)
    assert next(row for row in rows if row["kind"] == "profile_changed")["details"] == {"fields": ["full_name"]}


def test_administrators_read_everybodys():
    person = make.user()
    assert kinds(make.api(make.user("admin")), person) == ["created"]


@pytest.mark.parametrize("path", ["activity", "integrations"])
def test_anothers_records_are_not_there(path):
    person = make.user()
    for role in ("client", "manager"):
        assert make.api(make.user(role)).get(f"/users/{person.id}/{path}").status_code == 404
    assert Api().get(f"/users/{person.id}/{path}").status_code == 401
    admin = make.api(make.user("admin"))
    assert admin.get(f"/users/{'0' * 8}-0000-0000-0000-{'0' * 12}/{path}").status_code == 404


def test_it_is_filtered_and_paged():
    person = make.user()
    caller = make.api(person)
    for _ in range(3):
        make.pair(person)
    assert kinds(caller, person, "?kind=created") == ["created"]
    page = caller.get(f"/users/{person.id}/activity?kind=signed_in&page_size=2").json()
    assert len(page["results"]) == 2
    assert page["next"]
    for query in ("?kind=nonsense", "?colour=red", "?ordering=kind", "?cursor=x"):
        assert caller.get(f"/users/{person.id}/activity{query}").status_code == 400


def test_a_page_costs_the_same_for_any_length(django_assert_num_queries):
    person = make.user()
    caller = make.api(person)
    for _ in range(30):
        services.record("signed_in", person.id, now=timezone.now())
    for size in (5, 30):
        with django_assert_num_queries(2, using="accounts"):
            caller.get(f"/users/{person.id}/activity?page_size={size}")


def test_a_try_of_an_unknown_name_costs_the_same_statements(django_assert_num_queries):
    person = make.user()
    for identifier in (person.email, "nobody@example.com"):
        with django_assert_num_queries(4, using="accounts"), pytest.raises(WrongCredentials):
            services.authenticate(identifier=identifier, password="x", address=make.ADDRESS, now=timezone.now())
    assert Activity.objects.filter(user__isnull=True, kind="sign_in_failed").count() == 1


def test_integrations_show_identities_and_keys():
    person = make.user()
    caller = make.api(person)
    key = caller.post("/auth/api-keys", {"name": "Robot", "scopes": ["orders:read"]}).json()
    answer = caller.get(f"/users/{person.id}/integrations")
    assert answer.json() == {"identities": [], "api_keys": [{name: key[name] for name in key if name != "key"}]}


def test_erasure_leaves_what_happened_when():
    person = make.user()
    make.pair(person, device="Firefox")
    services.erase_user(user_id=person.id, now=timezone.now())
    rows = Activity.objects.filter(user_id=person.id)
    assert {(row.address, row.device, str(row.details)) for row in rows} == {("", "", "{}")}
    assert rows.filter(kind="erased").count() == 1


def test_old_lines_go():
    person, now = make.user(), timezone.now()
    services.record("signed_in", person.id, now=now - timedelta(days=366))
    services.record("sign_in_failed", None, now=now - timedelta(days=31))
    services.record("signed_in", person.id, now=now - timedelta(days=31))
    assert services.purge_activity(now=now) == 2


def test_what_an_administrator_did_names_them():
    person, admin = make.user(), make.user("admin")
    caller = make.api(admin)
    version = caller.put(f"/users/{person.id}/roles", {"roles": ["manager"]}).json()["version"]
    caller.patch(f"/users/{person.id}", {"full_name": "Anna"}, If_Match=f'"{version}"')
    browser = Client()
    browser.force_login(admin, backend="accounts.backends.EmailBackend")
    browser.post("/admin/accounts/user/", {"action": "close", "confirmed": "yes", "_selected_action": [str(person.pk)]})
    make.api(admin).patch("/users/me", {"full_name": "Boss"})
    lines = dict(Activity.objects.filter(user=person).values_list("kind", "details"))
    for kind in ("roles_changed", "profile_changed", "closed"):
        assert lines[kind]["by"] == str(admin.id)
    assert "by" not in Activity.objects.get(user=admin, kind="profile_changed").details
