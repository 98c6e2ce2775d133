"""Pages and the admin ask again who is looking before what makes an account another's."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from django.contrib import admin
from django.utils import timezone

from accounts import queries, services
from accounts.models import ApiKey, Session, Totp, User
from accounts.tests import make
from storefront.tests.make import PASSWORD, Visitor
from storefront.views.profile import ACTS

pytestmark = pytest.mark.django_db(databases=[*make.ERASING, "catalog"])
WANTED = {
    "profile": {"email": "evil@example.com"},
    "enroll": {},
    "confirm": {"otp": "123456"},
    "create-key": {"name": "till", "scopes": ["orders:read"]},
}
"""What the account page does only after a fresh proof, with what would change something."""
FREE = {"password", "disable", "leave", "resend", "end-session", "revoke-key", "export"}
"""What brings its proof along, and what makes nobody else of anybody."""
WANTED_IN_ADMIN = {"make_client", "make_manager", "make_admin", "erase"}
FREE_IN_ADMIN = {"close", "reopen", "reset"}


def stale(*roles):
    visitor = Visitor(*roles)
    Session.objects.update(proved_at=timezone.now() - timedelta(minutes=11))
    return visitor


def get_next(answer):
    assert answer.status_code == 302
    where = urlsplit(answer["Location"])
    assert where.path == "/account/prove/"
    return parse_qs(where.query)["next"][0]


def test_everything_the_account_page_does_is_sorted():
    assert set(ACTS) == {*WANTED, *FREE}


@pytest.mark.parametrize("do", WANTED)
def test_an_old_sign_in_is_led_to_the_proof(do):
    visitor = stale("client")
    assert get_next(visitor.post("/account/", do=do, **WANTED[do])) == "/account/"
    visitor.user.refresh_from_db()
    assert visitor.user.email != "evil@example.com"
    assert not ApiKey.objects.exists()
    assert not Totp.objects.exists()


def test_the_proof_leads_back_and_opens_what_was_asked():
    visitor = stale("client")
    page = visitor.get("/account/prove/?next=/account/").content.decode()
    assert 'name="password"' in page
    assert 'name="otp"' not in page
    wrong = visitor.post("/account/prove/", password="wrong", next="/account/")
    assert (wrong.status_code, "The present password is wrong." in wrong.content.decode()) == (400, True)
    right = visitor.post("/account/prove/", password=PASSWORD, next="/account/")
    assert (right.status_code, right["Location"]) == (302, "/account/")
    assert visitor.post("/account/", do="create-key", **WANTED["create-key"]).status_code == 200
    assert ApiKey.objects.count() == 1


def test_a_code_is_a_proof_for_whoever_has_an_authenticator():
    visitor = stale("client")
    earlier = timezone.now() - timedelta(minutes=5)
    secret = services.enroll_mfa(user_id=visitor.user.id, now=earlier).secret
    otp = pyotp.TOTP(secret)
    services.confirm_mfa(user_id=visitor.user.id, otp=otp.at(earlier), address="", now=earlier)
    assert 'name="otp"' in visitor.get("/account/prove/").content.decode()
    assert visitor.post("/account/prove/", otp=otp.now())["Location"] == "/account/"


def test_whoever_has_neither_signs_in_again():
    visitor = stale("client")
    User.objects.filter(pk=visitor.user.pk).update(password="!")
    visitor.client.force_login(User.objects.get(), backend="accounts.backends.EmailBackend")
    page = visitor.get("/account/prove/").content.decode()
    assert "Sign out and sign in again" in page
    assert 'name="password"' not in page


def test_the_page_is_for_those_who_are_signed_in():
    assert Visitor().get("/account/prove/")["Location"].startswith("/sign-in/")


def test_it_leads_nowhere_else():
    visitor = stale("client")
    answer = visitor.post("/account/prove/", password=PASSWORD, next="https://evil.example/")
    assert answer["Location"] == "/account/"


def test_every_action_of_the_admin_on_people_is_sorted():
    assert set(admin.site.get_model_admin(User).actions) == {*WANTED_IN_ADMIN, *FREE_IN_ADMIN}


@pytest.mark.parametrize("action", sorted(WANTED_IN_ADMIN))
def test_the_admin_asks_too(action):
    other = Visitor("manager").user
    boss = stale("admin")
    chosen = {"action": action, "confirmed": "yes", "_selected_action": [str(other.pk)]}
    assert get_next(boss.client.post("/admin/accounts/user/", chosen)) == "/admin/accounts/user/"
    other.refresh_from_db()
    assert (other.roles, other.erased_at) == (["manager"], None)
    Session.objects.update(proved_at=timezone.now())
    boss.client.post("/admin/accounts/user/", chosen)
    other.refresh_from_db()
    assert other.roles != ["manager"] or other.erased_at or action == "make_manager"


def test_the_admins_form_and_dialog_ask_too():
    other = Visitor("client").user
    boss = stale("admin")
    form = {
        "email": "evil@example.com",
        "username": "",
        "full_name": "",
        "first_name": "",
        "last_name": "",
        "phone": "",
    }
    page = f"/admin/accounts/user/{other.pk}/change/"
    assert get_next(boss.client.post(page, form)) == page
    dialog = f"/admin/accounts/user/{other.pk}/reset_mfa/"
    sent = {"reason": "lost", "_form_submitted": "on"}
    answer = boss.client.post(dialog, sent, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("/account/prove/")
    other.refresh_from_db()
    assert other.email != "evil@example.com"


def test_without_pages_for_people_the_admins_own_sign_in_asks(settings):
    settings.STEP_UP_URL = ""
    other = Visitor("client").user
    boss = stale("admin")
    chosen = {"action": "make_admin", "confirmed": "yes", "_selected_action": [str(other.pk)]}
    answer = boss.client.post("/admin/accounts/user/", chosen)
    assert answer["Location"].startswith("/admin/login/?next=")
    assert "_auth_user_id" not in boss.client.session


def test_the_old_mailbox_takes_a_change_back_by_a_button():
    visitor = Visitor("client")
    services.verify_email(token=queries.verification_token(visitor.user), now=timezone.now())
    visitor.post("/account/", do="profile", email="new@example.com")
    assert "new@example.com waits for its confirmation" in visitor.get("/account/").content.decode()
    token = queries.undo_token(User.objects.get())
    assert 'value="' + token in visitor.get(f"/undo-email/?token={token}").content.decode()
    assert User.objects.get().pending_email == "new@example.com"
    assert Visitor().post("/undo-email/", token=token)["Location"] == "/"
    assert User.objects.get().pending_email == ""
    assert visitor.get("/account/").status_code == 302
    assert Visitor().post("/undo-email/", token=token).status_code == 400
