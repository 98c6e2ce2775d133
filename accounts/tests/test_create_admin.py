"""The first administrator, by a terminal or by the environment alone."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, User
from accounts.tests import make
from core.testing import Api
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["accounts"])
EMAIL = "owner@autosalon.example"


@pytest.fixture
def terminal(monkeypatch):
    """Someone who types these answers."""

    def typing(email="", passwords=()):
        answers = iter(passwords)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: email)
        monkeypatch.setattr("accounts.management.commands.create_admin.getpass", lambda question: next(answers))

    return typing


def may_administer():
    token = Api().post("/auth/login", {"email": EMAIL, "password": make.PASSWORD}).json()["access_token"]
    return make.bearer(token).get("/users").status_code == 200


def test_the_environment_makes_one(settings, capsys):
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = EMAIL.upper(), make.PASSWORD
    call_command("create_admin", full_name="Anna Petrova")
    user = User.objects.get()
    assert (user.email, user.roles, user.full_name) == (EMAIL, [Role.ADMIN], "Anna Petrova")
    assert published("accounts") == ["user.created"]
    assert may_administer()
    call_command("create_admin")
    assert "nothing was changed" in capsys.readouterr().out
    assert published("accounts").count("user.created") == 1


def test_a_terminal_is_asked(terminal):
    terminal(EMAIL, [make.PASSWORD, make.PASSWORD])
    call_command("create_admin")
    assert may_administer()


def test_two_different_passwords_make_nobody(terminal):
    terminal(EMAIL, [make.PASSWORD, "another"])
    with pytest.raises(CommandError, match="differ"):
        call_command("create_admin")
    assert not User.objects.exists()


def test_a_weak_password_makes_nobody(settings):
    settings.ADMIN_PASSWORD = "12345678"
    with pytest.raises(CommandError, match=EMAIL):
        call_command("create_admin", email=EMAIL)
    assert not User.objects.exists()


def test_without_a_terminal_it_says_what_is_missing(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(CommandError, match="AUTOSALON_ADMIN_EMAIL"):
        call_command("create_admin")
    with pytest.raises(CommandError, match="AUTOSALON_ADMIN_PASSWORD"):
        call_command("create_admin", email=EMAIL)


def test_a_clients_account_is_not_made_an_administrators(settings):
    client = make.user(email=EMAIL)
    settings.ADMIN_PASSWORD = make.PASSWORD
    with pytest.raises(CommandError, match="no administrator"):
        call_command("create_admin", email=EMAIL)
    client.refresh_from_db()
    assert client.roles == [Role.CLIENT]
