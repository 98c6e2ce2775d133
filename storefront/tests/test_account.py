from datetime import timedelta

import pyotp
import pytest
from django.conf import settings
from django.utils import timezone

from accounts import queries, services
from accounts.models import ApiKey, PersonalDataExport, Session, User
from accounts.tests import make
from core.testing import Api
from gateway.guards import guard
from messaging.testing import capture_events, drain_outbox
from orders.models import Checkout, Order
from orders.tests import make as make_orders
from storefront.tests.make import PASSWORD, Visitor, car

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])


def signed_in(visitor):
    return visitor.get("/account/").status_code == 200


def sign_in(person, visitor=None, **more):
    visitor = visitor or Visitor()
    return visitor, visitor.post("/sign-in/", email=person.email, password=PASSWORD, **more)


# One session behind pages and API -----------------------------------------------------------------------------------
def test_signing_in_on_a_page_opens_a_session_and_says_so():
    person = Visitor("client").user
    Session.objects.all().delete()
    with capture_events("accounts") as events:
        visitor, _ = sign_in(person)
    assert events == ["user.logged_in"]
    assert Session.objects.get().user_id == person.id
    with capture_events("accounts") as events:
        visitor.post("/sign-out/")
    assert events == ["user.logged_out"]
    assert Session.objects.get().revoked_because == "signed_out"


def test_ending_the_session_elsewhere_signs_the_browser_out():
    visitor = Visitor("client")
    assert signed_in(visitor)
    session = Session.objects.get()
    services.revoke_session(user_id=visitor.user.id, session_id=session.id, now=timezone.now())
    assert not signed_in(visitor)
    assert "_auth_user_id" not in visitor.client.session


@pytest.mark.django_db(databases=["accounts", "catalog", "orders"], transaction=True)
def test_what_the_page_opened_ends_with_it():
    visitor = Visitor("client")
    session = Session.objects.get()
    visitor.post("/sign-out/")
    assert guard.client().exists(f"{guard.settings.REDIS_PREFIX}:revoked:{session.id}")


def test_a_session_lives_on_by_being_used():
    visitor = Visitor("client")
    Session.objects.update(last_used_at=timezone.now() - timedelta(days=20))
    assert signed_in(visitor)
    assert Session.objects.get().last_used_at > timezone.now() - timedelta(minutes=1)


# The second factor ---------------------------------------------------------------------------------------------------
def enrolled(person):
    earlier = timezone.now() - timedelta(minutes=5)
    totp = pyotp.TOTP(services.enroll_mfa(user_id=person.id, now=earlier).secret)
    services.confirm_mfa(user_id=person.id, otp=totp.at(earlier), address="", now=earlier)
    return totp


def test_signing_in_asks_for_the_code():
    person = Visitor("client").user
    totp = enrolled(person)
    visitor, page = sign_in(person)
    assert not signed_in(visitor)
    token = page.context["form"]["mfa_token"].value()
    wrong = visitor.post("/sign-in/code/", mfa_token=token, otp="000000")
    assert wrong.status_code == 401
    assert not signed_in(visitor)
    right = visitor.post("/sign-in/code/", mfa_token=token, otp=totp.now(), next="/orders/")
    assert (right.status_code, right["Location"]) == (302, "/orders/")
    assert signed_in(visitor)


def test_a_forged_first_step_signs_nobody_in():
    visitor = Visitor()
    assert visitor.post("/sign-in/code/", mfa_token="x", otp="000000").status_code == 401
    assert visitor.post("/sign-in/code/").status_code == 400
    assert not signed_in(visitor)


def test_it_is_set_up_on_the_account_page():
    visitor = Visitor("client")
    page = visitor.post("/account/", do="enroll")
    secret = page.context["enrollment"].secret
    assert "<svg" in page.content.decode()
    assert visitor.post("/account/", do="confirm", otp="000000").status_code == 401
    done = visitor.post("/account/", do="confirm", otp=pyotp.TOTP(secret).now())
    assert len(done.context["recovery_codes"]) == 10
    assert User.objects.get(pk=visitor.user.pk).mfa_enabled_at is not None


# Forgotten, confirmed ------------------------------------------------------------------------------------------------
def test_a_mailed_link_leads_to_a_new_password(mailoutbox):
    person = Visitor("client").user
    visitor = Visitor()
    assert visitor.post("/forgot-password/", email=person.email).status_code == 302
    drain_outbox("accounts")
    path = mailoutbox[-1].body.split(settings.PUBLIC_URL)[1].split()[0]
    page = visitor.get(path)
    assert page.status_code == 200
    token = page.context["form"]["token"].value()
    weak = visitor.post("/reset-password/", token=token, new_password="12345")
    assert (weak.status_code, bool(weak.context["form"].errors["new_password"])) == (400, True)
    assert visitor.post("/reset-password/", token=token, new_password="another-horse-1").status_code == 302
    assert User.objects.get(pk=person.pk).check_password("another-horse-1")
    assert visitor.post("/reset-password/", token=token, new_password="another-horse-2").status_code == 400


def test_nobody_learns_whose_address_we_know(mailoutbox):
    assert Visitor().post("/forgot-password/", email="nobody@example.com").status_code == 302
    drain_outbox("accounts")
    assert mailoutbox == []


def test_opening_the_link_confirms_nothing_pressing_the_button_does():
    person = Visitor("client").user
    visitor, token = Visitor(), queries.verification_token(person)
    assert visitor.get(f"/verify-email/?token={token}").status_code == 200
    assert User.objects.get(pk=person.pk).email_verified_at is None
    assert visitor.post("/verify-email/", token=token).status_code == 302
    assert User.objects.get(pk=person.pk).email_verified_at is not None
    assert visitor.post("/verify-email/", token=token).status_code == 400


@pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])
def test_ordering_may_need_a_confirmed_email(settings):
    settings.EMAIL_VERIFICATION_REQUIRED = True
    visitor, offered = Visitor("client"), car()
    assert visitor.buy(offered)["Location"] == "/account/"
    pair = services.issue_tokens(user_id=visitor.user.id, device="", address="", now=timezone.now())
    caller = Api(user_id=visitor.user.id)
    caller.headers = {"Authorization": f"Bearer {pair.access_token}"}
    answer = caller.post("/orders", {"items": [{"product_id": str(offered.id), "quantity": 1}]})
    assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
    assert not Order.objects.exists()
    services.verify_email(token=queries.verification_token(visitor.user), now=timezone.now())
    assert visitor.buy(offered)["Location"].startswith("/orders/")


# The account page ----------------------------------------------------------------------------------------------------
def test_strangers_are_led_to_sign_in():
    for path in ("/account/", "/account/data/01900000-0000-7000-8000-000000000000/"):
        assert Visitor().get(path)["Location"].startswith("/sign-in/")


def test_the_profile_is_changed():
    visitor = Visitor("client")
    form = {"full_name": "Анна", "email": "anna@example.com", "phone": ""}
    assert visitor.post("/account/", do="profile", **form).status_code == 302
    assert User.objects.get(pk=visitor.user.pk).full_name == "Анна"
    other = Visitor("client").user
    taken = visitor.post("/account/", do="profile", **form | {"email": other.email})
    assert taken.status_code == 409
    assert taken.context["forms"]["profile"].errors["email"]


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one():
    visitor = Visitor("client")
    there, _ = sign_in(visitor.user)
    form = {"old_password": PASSWORD, "new_password": "another-horse-1"}
    assert visitor.post("/account/", do="password", **form | {"old_password": "x"}).status_code == 400
    assert signed_in(there)
    assert visitor.post("/account/", do="password", **form).status_code == 302
    assert signed_in(visitor)
    assert not signed_in(there)


def test_sessions_are_ended_one_by_one():
    visitor = Visitor("client")
    there, _ = sign_in(visitor.user)
    other = Session.objects.order_by("created_at").last()
    assert visitor.post("/account/", do="end-session", id=str(other.id)).status_code == 302
    assert not signed_in(there)
    stranger = Visitor("client")
    mine = Session.objects.get(user_id=visitor.user.id, revoked_at=None)
    stranger.post("/account/", do="end-session", id=str(mine.id))
    stranger.post("/account/", do="end-session", id="nonsense")
    assert signed_in(visitor)


def test_keys_are_made_and_revoked():
    visitor = Visitor("client")
    page = visitor.post("/account/", do="create-key", name="Till", scopes=["orders:read"])
    assert page.context["new_key"] in page.content.decode()
    assert visitor.post("/account/", do="create-key", name="Till").status_code == 400
    visitor.post("/account/", do="revoke-key", id=str(ApiKey.objects.get().id))
    assert ApiKey.objects.get().revoked_at is not None


def test_an_unknown_wish_is_refused():
    assert Visitor("client").post("/account/", do="everything").status_code == 400


# Leaving for ever ----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(databases=[*make.ERASING, "catalog"])
def test_an_account_is_erased_by_its_owner_with_the_password():
    visitor = Visitor("client")
    assert "Erase my account" in visitor.get("/account/").content.decode()
    wrong = visitor.post("/account/", do="leave", old_password="guessed")
    assert (wrong.status_code, bool(wrong.context["forms"]["leave"].errors)) == (400, True)
    with capture_events("accounts") as events:
        gone = visitor.client.post("/account/", {"do": "leave", "old_password": PASSWORD}, follow=True)
    assert "Your account is erased." in gone.content.decode()
    assert "user.deleted" in events
    assert User.objects.get(pk=visitor.user.pk).erased_at is not None
    assert not signed_in(visitor)


@pytest.mark.django_db(databases=[*make.ERASING, "catalog"])
def test_whoever_has_an_order_on_its_way_stays():
    visitor = Visitor("client")
    order = make_orders.order(customer_id=visitor.user.id)
    refused = visitor.post("/account/", do="leave", old_password=PASSWORD)
    assert refused.status_code == 409
    assert f"order {order.number}" in refused.content.decode()
    assert User.objects.get(pk=visitor.user.pk).erased_at is None
    Order.objects.filter(pk=order.pk).update(status="completed")
    Checkout.objects.filter(pk=order.pk).update(finished_at=timezone.now())
    visitor.post("/account/", do="leave", old_password=PASSWORD)
    assert User.objects.get(pk=visitor.user.pk).erased_at is not None


@pytest.mark.django_db(databases=[*make.ERASING, "catalog"])
def test_colleagues_are_erased_by_an_administrator_only():
    visitor = Visitor("manager")
    assert "Erase my account" not in visitor.get("/account/").content.decode()
    assert visitor.post("/account/", do="leave", old_password=PASSWORD).status_code == 403
    assert User.objects.get(pk=visitor.user.pk).erased_at is None


def test_an_export_of_nobody_and_one_that_is_not_ready():
    visitor, other = Visitor("client"), Visitor("client")
    visitor.post("/account/", do="export")
    export = PersonalDataExport.objects.get()
    assert visitor.get(f"/account/data/{export.id}/")["Location"] == "/account/"
    assert other.get(f"/account/data/{export.id}/").status_code == 404
