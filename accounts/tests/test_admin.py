import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.backends import EmailBackend
from accounts.errors import DemoRefused
from accounts.models import Session, User
from accounts.plugin.demo import PASSWORD, create_demo
from accounts.tests import make
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=make.ERASING)
LOGIN = "/admin/login/"


def _signed_in(*roles: str) -> Client:
    person = make.user(*roles)
    browser = Client()
    browser.force_login(person, backend="accounts.backends.EmailBackend")
    return browser


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_staff_sign_in_by_email(role):
    person = make.user(role, username="boss")
    for identifier in (person.email.upper(), "boss"):
        answer = Client().post(f"{LOGIN}?next=/admin/", {"username": identifier, "password": make.PASSWORD})
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_clients_and_wrong_passwords_stay_outside():
    client, manager = make.user(), make.user("manager")
    for person, password in ((client, make.PASSWORD), (manager, "wrong")):
        answer = Client().post(LOGIN, {"username": person.email, "password": password})
        assert answer.status_code == 200
        assert "sessionid" not in str(answer.cookies)


def test_a_waiting_account_is_told_so():
    person = make.user("manager")
    for _ in range(5):
        Client().post(LOGIN, {"username": person.email, "password": "wrong"})
    answer = Client().post(LOGIN, {"username": person.email, "password": make.PASSWORD})
    assert answer.status_code == 200
    (refusal,) = answer.context["form"].errors.as_data()["__all__"]
    assert refusal.code == "too_many_failures"


def test_a_closed_account_loses_its_pages():
    person = make.user("manager")
    assert EmailBackend().get_user(person.pk) == person
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert EmailBackend().get_user(person.pk) is None
    assert EmailBackend().get_user("not an id") is None


def test_roles_decide_what_the_admin_allows():
    client, manager, admin = make.user(), make.user("manager"), make.user("admin")
    table = {
        "orders.view_order": (False, True, True),
        "orders.change_order": (False, True, True),
        "orders.delete_order": (False, False, True),
        "accounts.view_user": (False, False, True),
        "auth.change_group": (False, False, True),
    }
    for perm, allowed in table.items():
        assert tuple(person.has_perm(perm) for person in (client, manager, admin)) == allowed, perm
    admin.is_active = False
    assert not admin.has_perms(["orders.view_order"])


def test_managers_do_not_see_accounts():
    assert _signed_in("manager").get(reverse("admin:accounts_user_changelist")).status_code == 403
    assert _signed_in("admin").get(reverse("admin:accounts_user_changelist")).status_code == 200


def test_lists_cost_the_same_for_any_length(django_assert_max_num_queries):
    browser = _signed_in("admin")
    for _ in range(30):
        make.pair(make.user())
    for model in ("user", "session"):
        with django_assert_max_num_queries(12, using="accounts"):
            assert browser.get(reverse(f"admin:accounts_{model}_changelist")).status_code == 200


def test_search_works():
    browser = _signed_in("admin")
    make.user(full_name="Вера Павловна")
    page = browser.get(reverse("admin:accounts_user_changelist"), {"q": "вера"})
    assert [row.full_name for row in page.context["cl"].result_list] == ["Вера Павловна"]


def test_an_account_is_made_and_changed_by_the_services():
    browser = _signed_in("admin")
    form = {"email": "Vera@Example.com", "full_name": "Вера", "password": make.PASSWORD}
    with capture_events("accounts") as events:
        browser.post(reverse("admin:accounts_user_add"), form)
    person = User.objects.get(email="vera@example.com")
    assert (events, person.roles) == (["user.created"], ["client"])
    with capture_events("accounts") as events:
        change = {"email": person.email, "full_name": "Вера П.", "roles": "admin", "is_active": ""}
        browser.post(reverse("admin:accounts_user_change", args=[person.pk]), change)
    person.refresh_from_db()
    assert (events, person.full_name, person.roles, person.is_active) == (["user.updated"], "Вера П.", ["client"], True)


@pytest.mark.parametrize(
    ("change", "field"), [({"password": "short"}, "password"), ({"email": "TAKEN@example.com"}, "email")]
)
def test_a_refused_account_is_explained(change, field):
    browser = _signed_in("admin")
    make.user(email="taken@example.com")
    form = {"email": "vera@example.com", "password": make.PASSWORD} | change
    answer = browser.post(reverse("admin:accounts_user_add"), form)
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    ("action", "events"),
    [
        ("make_manager", ["user.role_changed"]),
        ("make_admin", ["user.role_changed"]),
        ("close", ["user.deactivated"]),
        ("erase", ["user.deactivated", "user.deleted"]),
        ("make_client", []),
        ("reopen", []),
        ("reset", []),
    ],
)
def test_actions_call_the_services(action, events):
    browser, person = _signed_in("admin"), make.user()
    with capture_events("accounts") as seen:
        browser.post(
            reverse("admin:accounts_user_changelist"),
            {"action": action, "confirmed": "yes", "_selected_action": str(person.pk)},
        )
    assert seen == events


def test_a_refused_action_says_why_and_changes_nothing():
    browser = _signed_in("admin")
    person = User.objects.get()
    data = {"action": "close", "confirmed": "yes", "_selected_action": str(person.pk)}
    answer = browser.post(reverse("admin:accounts_user_changelist"), data, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert User.objects.get().is_active


def test_nobody_is_deleted_by_the_admin_itself():
    browser, person = _signed_in("admin"), make.user()
    assert browser.post(reverse("admin:accounts_user_delete", args=[person.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=person.pk).exists()


def test_a_session_is_ended_from_the_admin():
    browser, person = _signed_in("admin"), make.user()
    pair = make.pair(person)
    data = {"action": "end", "confirmed": "yes", "_selected_action": str(pair.session_id)}
    browser.post(reverse("admin:accounts_session_changelist"), data)
    assert Session.objects.get(pk=pair.session_id).revoked_because == "revoked"


def test_a_superuser_from_the_command_line_is_an_administrator():
    person = User.objects.create_superuser("Root@Example.com", make.PASSWORD)
    assert (person.email, person.roles, person.is_superuser) == ("root@example.com", ["admin"], True)
    assert published("accounts") == ["user.created"]


# Demonstration accounts ---------------------------------------------------------------------------------------------
def test_demo_accounts_are_made_once(settings):
    settings.DEBUG = True
    first = create_demo(timezone.now())
    with capture_events("accounts") as events:
        assert create_demo(timezone.now()) == first
    assert events == []
    roles = {email: person.roles for email, person in first.items()}
    assert roles == {
        "client@example.com": ["client"], "manager@example.com": ["manager"], "admin@example.com": ["admin"],
    }  # fmt: skip
    assert all(person.check_password(PASSWORD) for person in first.values())


def test_demo_accounts_are_never_made_outside_debug(settings):
    settings.DEBUG = False
    with pytest.raises(DemoRefused):
        create_demo(timezone.now())
    assert not User.objects.exists()
