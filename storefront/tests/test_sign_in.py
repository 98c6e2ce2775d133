import pytest

from accounts.models import User
from messaging.testing import capture_events
from storefront.tests.make import PASSWORD, Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog"])
SIGN_UP = {"email": "new@example.com", "password": PASSWORD, "full_name": "Анна Ким", "phone": "+7 900 123-45-67"}
SIGN_UP["is_agreed"] = "on"


def is_signed_in(visitor):
    return "_auth_user_id" in visitor.client.session


def test_signing_in_leads_to_where_one_was_going():
    person = Visitor("client").user
    visitor = Visitor()
    response = visitor.post("/sign-in/", email=person.email.upper(), password=PASSWORD, next="/orders/")
    assert (response.status_code, response["Location"]) == (302, "/orders/")
    assert is_signed_in(visitor)


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "foo", "storefront:home", "admin:index"],
)
def test_it_never_leads_to_another_site(address):
    person = Visitor("client").user
    response = Visitor().post("/sign-in/", email=person.email, password=PASSWORD, next=address)
    assert response["Location"] == "/"


def test_a_wrong_password_is_refused_with_one_sentence_for_all_reasons():
    person = Visitor("client").user
    visitor = Visitor()
    wrong = visitor.post("/sign-in/", email=person.email, password="wrong")
    unknown = visitor.post("/sign-in/", email="nobody@example.com", password="wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()
    assert not is_signed_in(visitor)


def test_sign_in_is_rate_limited(settings):
    settings.RATE_LIMITS_ON = True
    visitor = Visitor()
    visitor.client.defaults["REMOTE_ADDR"] = "127.44.0.2"
    answers = [visitor.post("/sign-in/", email=f"n{n}@example.com", password="x").status_code for n in range(11)]
    assert answers == [401] * 10 + [429]


def test_signing_up_makes_a_client_and_signs_in():
    visitor = Visitor()
    with capture_events("accounts") as published:
        response = visitor.post("/sign-up/", **SIGN_UP)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert User.objects.get(email="new@example.com").roles == ["client"]
    assert published == ["user.registered", "user.consented", "user.logged_in"]
    assert is_signed_in(visitor)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "no-mail"}, "email"),
        ({"password": "12345"}, "password"),
        ({"password": ""}, "password"),
        ({"phone": "call me"}, "phone"),
        ({"is_agreed": ""}, "is_agreed"),
    ],
)
def test_signing_up_names_what_is_wrong(changes, field):
    response = Visitor().post("/sign-up/", **SIGN_UP | changes)
    assert response.status_code == 400
    assert response.context["form"].errors[field]
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_taken_address_is_refused_beside_its_field():
    person = Visitor("client").user
    response = Visitor().post("/sign-up/", **SIGN_UP | {"email": person.email})
    assert response.status_code == 409
    assert response.context["form"].errors["email"]


def test_signing_up_cannot_choose_a_role():
    Visitor().post("/sign-up/", **SIGN_UP, role="admin", roles="admin")
    assert User.objects.get(email="new@example.com").roles == ["client"]


def test_signing_out_ends_the_session():
    visitor = Visitor("client")
    assert visitor.post("/sign-out/").status_code == 302
    assert not is_signed_in(visitor)


def test_opening_the_address_of_the_sign_out_form_ends_nothing():
    visitor = Visitor("client")
    assert visitor.get("/sign-out/")["Location"] == "/"
    assert is_signed_in(visitor)


def test_forms_are_protected_against_forgery():
    from django.test import Client

    guarded = Client(enforce_csrf_checks=True)
    for path in ("/sign-in/", "/sign-up/", "/sign-out/", "/language/", "/live-ticket/"):
        assert guarded.post(path, {}).status_code == 403


@pytest.mark.parametrize(("role", "is_offered"), [("client", False), ("manager", True), ("admin", True)])
def test_staff_are_offered_the_administration(role, is_offered):
    assert ("/admin/" in Visitor(role).get("/sign-up/").content.decode()) is False  # leads home: already signed in
    assert ('href="/admin/"' in Visitor(role).get("/nowhere/").content.decode()) is is_offered
