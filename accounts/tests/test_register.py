import pytest

from accounts.models import User
from accounts.tests import make
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["accounts"])
FORM = {"email": "Anna@Example.COM", "password": make.PASSWORD, "full_name": "Анна Каренина", "phone": "+7 900 1234567"}


def test_anybody_may_register_as_a_client():
    answer = Api().post("/auth/register", FORM)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["email"], body["roles"], body["full_name"]) == ("anna@example.com", ["client"], "Анна Каренина")
    assert body["id"] == str(User.objects.get().id)
    assert "password" not in body
    assert answer["ETag"] == '"1"'


def test_it_publishes_who_came():
    body = Api().post("/auth/register", FORM).json()
    assert published("accounts") == ["user.registered"]
    data = OutboxEvent.objects.using("accounts").get().data
    assert data["user_id"] == body["id"]
    assert (data["email"], data["phone"], data["roles"]) == ("anna@example.com", "+7 900 1234567", ["client"])
    assert make.PASSWORD not in str(data)


def test_the_full_name_is_put_together_from_its_parts():
    body = Api().post("/auth/register", {**FORM, "full_name": "", "first_name": "Лев", "last_name": "Толстой"}).json()
    assert body["full_name"] == "Лев Толстой"


def test_the_path_works_with_a_trailing_slash_and_a_stale_token():
    caller = make.bearer("stale.token.here")
    assert caller.post("/auth/register/", FORM).status_code == 201


@pytest.mark.parametrize("role", ["manager", "admin", "root", "Client"])
def test_nobody_registers_as_more_than_a_client(role):
    answer = Api().post("/auth/register", {**FORM, "role": role})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
    assert not User.objects.exists()
    assert published("accounts") == []


def test_other_ways_to_power_and_other_names_are_refused():
    odd = {"roles": ["admin"], "is_staff": True, "is_superuser": True, "name": "Ivan"}
    answer = Api().post("/auth/register", {**FORM, "role": "client"} | odd)
    assert (answer.status_code, {wrong["field"] for wrong in answer.json()["errors"]}) == (400, set(odd))
    assert not User.objects.exists()
    assert published("accounts") == []


def test_an_email_is_taken_whatever_its_case():
    make.user(email="anna@example.com")
    answer = Api().post("/auth/register", {**FORM, "email": "ANNA@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert User.objects.count() == 1
    assert published("accounts") == ["user.created"]


def test_a_user_name_is_taken_whatever_its_case():
    make.user(username="anna")
    answer = Api().post("/auth/register", {**FORM, "username": "ANNA"})
    assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"email": "not an address"}, "email", "invalid"),
        ({"email": ""}, "email", "blank"),
        ({"email": None}, "email", "null"),
        ({"email": f"{'a' * 250}@example.com"}, "email", "max_length"),
        ({"password": "short7!"}, "password", "password_too_short"),
        ({"password": "password123"}, "password", "password_too_common"),
        ({"password": "739205618204"}, "password", "password_entirely_numeric"),
        ({"password": "anna@example.com"}, "password", "password_too_similar"),
        ({"password": "x" * 257}, "password", "max_length"),
        ({"username": "a@b"}, "username", "invalid"),
        ({"phone": "call me"}, "phone", "invalid"),
        ({"full_name": "\0"}, "full_name", "null_characters_not_allowed"),
        ({"full_name": ["a"]}, "full_name", "invalid"),
    ],
)
def test_bad_input_is_named_by_field(change, field, code):
    answer = Api().post("/auth/register", FORM | change)
    assert answer.status_code == 400
    assert (field, code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert not User.objects.exists()
    assert published("accounts") == []


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_body_that_is_no_object_is_refused(body):
    answer = Api().client.post("/api/v1/auth/register", data=body and str(body), content_type="application/json")
    assert answer.status_code == 400


def test_missing_fields_are_named():
    errors = Api().post("/auth/register", {}).json()["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [("email", "required"), ("password", "required")]


def test_passwords_are_stored_by_argon2(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    person = make.user()
    assert person.password.startswith("argon2$argon2id$")
    assert person.check_password(make.PASSWORD)
