"""A new secret key with the old one as its fallback: nobody is signed out, nothing sealed is lost."""

import re
from pathlib import Path

import pytest
from django.conf import settings as project
from django.utils import timezone

from accounts import services
from accounts.errors import InvalidRefreshToken, WrongOtp
from accounts.queries.links import verification_token
from accounts.tests import make
from accounts.tests.test_mfa import enrolled, login
from config import keys
from core.secrecy.sealing import Unopenable, seal, unseal
from gateway.access import tickets
from gateway.principal import read_token
from storefront.tests.make import Visitor

ROOT = Path(project.BASE_DIR)
ACCOUNTS = pytest.mark.django_db(databases=["accounts"])


@pytest.fixture
def rotate(settings, monkeypatch):
    """Make another key today's; the former one is kept as a fallback, or forgotten."""

    def turn(*, keep=True):
        former = settings.SECRET_KEY
        monkeypatch.setenv("AUTOSALON_SECRET_KEY", "another-secret-key-" + "y" * 40)
        monkeypatch.setenv("AUTOSALON_SECRET_KEY_FALLBACKS", former if keep else "")
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = keys.secret_key(), [former] if keep else []
        settings.SEALING_KEYS = keys.sealing_keys()

    return turn


@pytest.mark.django_db(databases=[alias for alias in project.DATABASES if alias != "default"])
def test_pages_stay_signed_in(rotate):
    seen, unseen = Visitor("client"), Visitor("client")
    assert seen.get("/account/").status_code == unseen.get("/account/").status_code == 200
    rotate()
    assert seen.get("/account/").status_code == 200
    rotate(keep=False)
    assert seen.get("/account/").status_code == 200  # the new key has taken the session over
    assert unseen.get("/account/").status_code == 302


@ACCOUNTS
def test_second_factors_still_open(rotate):
    person, totp, (first, second, *_) = enrolled()
    rotate()
    assert login(person, otp=totp.now()).status_code == 200
    assert login(person, otp=first).status_code == 200
    assert login(person, otp=first).status_code == 401  # once is once, under whichever key
    rotate(keep=False)
    with pytest.raises(WrongOtp):
        services.authenticate(
            identifier=person.email, password=make.PASSWORD, otp=second, address=make.ADDRESS, now=timezone.now()
        )


def test_what_was_sealed_opens_and_what_is_sealed_now_needs_the_new_key(rotate):
    sealed = seal(b"seed")
    rotate()
    assert unseal(sealed) == b"seed"
    fresh = seal(b"seed")
    rotate(keep=False)
    assert unseal(fresh) == b"seed"
    with pytest.raises(Unopenable):
        unseal(sealed)


@ACCOUNTS
def test_a_second_tab_gets_the_same_pair_across_the_change(rotate):
    first, now = make.pair(make.user()), timezone.now()
    pair = services.refresh(refresh_token=first.refresh_token, address=make.ADDRESS, now=now)
    rotate()
    again = services.refresh(refresh_token=first.refresh_token, address=make.ADDRESS, now=now)
    assert again.refresh_token == pair.refresh_token
    rotate(keep=False)
    with pytest.raises(InvalidRefreshToken):
        services.refresh(refresh_token=first.refresh_token, address=make.ADDRESS, now=now)


@ACCOUNTS
def test_links_and_tickets_given_out_before_are_good(rotate):
    person = make.user()
    link = verification_token(person)
    ticket = tickets.issue_ticket(read_token(make.pair(person).access_token))
    rotate()
    assert services.verify_email(token=link, now=timezone.now()).email_verified_at
    assert tickets.redeem_ticket(ticket).id == person.id


def test_the_sealing_keys_follow_the_secret_keys_unless_they_are_named(rotate, monkeypatch):
    rotate()
    assert keys.sealing_keys() == [project.SECRET_KEY, *project.SECRET_KEY_FALLBACKS]
    monkeypatch.setenv("AUTOSALON_SEALING_KEYS", "new,old")
    assert keys.sealing_keys() == ["new", "old"]


def test_only_one_module_uses_the_secret_key_itself():
    """Whoever signs with it alone forgets the former keys."""
    for path in ROOT.rglob("*.py"):
        name = str(path.relative_to(ROOT))
        if name.startswith((".venv", ".data", "config/")) or "tests" in path.parts:
            continue
        uses = re.findall(r"settings\.SECRET_KEY\b", path.read_text())
        assert not uses or name in {"core/secrecy/secret_keys.py", "gateway/access/tickets.py"}, name
        signs = re.search(r"[Ss]igner\(.*\)\.signature\(", path.read_text())
        assert not signs or "unsign(" in path.read_text(), name
