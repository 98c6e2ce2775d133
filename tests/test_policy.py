"""Decide once what a session may do: staff without the factor they owe are clients at every door."""

import ast

import pytest
from django.utils import timezone

from accounts.models import Session
from accounts.services import change_roles
from accounts.tests import make as people
from config.databases import APPS
from gateway.access import policy
from gateway.access.tickets import redeem_ticket
from orders.tests import make as orders
from storefront.tests.make import Visitor
from tests.test_architecture import PACKAGES, ROOT, sources

pytestmark = pytest.mark.django_db(databases=APPS)
MAKERS = {"gateway/access/policy.py", "gateway/principal.py"}
"""The page's caller, and the token's, which says what the policy let accounts sign."""


def calls(path, name):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
            yield node


def test_nobody_else_makes_a_principal():
    made = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sources(package)
        if any(calls(path, "Principal"))
    }
    assert made == MAKERS


def test_only_accounts_reads_the_roles_that_are_kept():
    """Everybody else goes by `effective_roles`, `is_staff` and `is_superuser`, which ask the policy."""
    for package in set(PACKAGES) - {"accounts", "gateway"}:
        for path in sources(package):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and node.attr in ("roles", "holds_staff_role"):
                    assert ast.unparse(node.value).rpartition(".")[2] != "user", f"{path}:{node.lineno}"
    for path in (ROOT / "templates").rglob("*.html"):
        assert "user.roles" not in path.read_text(), path


@pytest.mark.parametrize(
    ("required", "roles", "has_factor", "in_force", "scopes"),
    [
        (True, ["manager"], False, ("client",), ("mfa:enroll",)),
        (True, ["client", "admin"], False, ("client",), ("mfa:enroll",)),
        (True, ["manager"], True, ("manager",), None),
        (True, ["client"], False, ("client",), None),
        (False, ["admin"], False, ("admin",), None),
    ],
)
def test_the_policy(required, roles, has_factor, in_force, scopes, settings):
    settings.MFA_REQUIRED_FOR_STAFF = required
    assert policy.roles_in_force(roles, has_factor=has_factor) == in_force
    assert policy.token_standing(roles, has_factor=has_factor) == policy.Standing(in_force, scopes)


@pytest.fixture
def owing(settings):
    """An administrator who owes a factor, on the pages."""
    settings.MFA_REQUIRED_FOR_STAFF = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False
    return Visitor("admin")


def test_pages_take_staff_who_owe_a_factor_for_clients(owing):
    order = orders.order()
    assert owing.get("/board/").status_code == 403
    assert owing.client.post(f"/board/{order.id}/move/", {"status": "paid"}).status_code == 403
    assert owing.client.post(f"/board/{order.id}/money/").status_code == 403
    assert owing.client.post(f"/board/{order.id}/steer/", {"code": "skip"}).status_code == 403
    assert owing.get(f"/orders/{order.id}/").status_code == 404
    assert owing.get(f"/orders/{order.id}/papers/invoice/").status_code == 404
    assert owing.get("/admin/").status_code == 302


def test_a_ticket_from_a_page_says_no_more(owing):
    principal = redeem_ticket(owing.client.post("/live-ticket/").json()["ticket"])
    assert principal is not None
    assert (principal.roles, principal.is_staff) == ({"client"}, False)


def test_the_factor_opens_everything_again(owing):
    owing.user.mfa_enabled_at = timezone.now()
    owing.user.save()
    assert owing.get("/board/").status_code == 200


def test_losing_a_role_ends_the_pages_that_had_it(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    people.user("admin")
    manager = Visitor("manager")
    pair = people.pair(manager.user)
    change_roles(user_id=manager.user.id, roles=["client"], now=timezone.now())
    live = Session.objects.live(manager.user.id, timezone.now())
    assert [session.pk for session in live] == [pair.session_id]
    assert manager.get("/account/").status_code == 302
