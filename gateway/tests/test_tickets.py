"""Tickets: good once, and only those that we issued."""

import msgspec
import pytest
from django.conf import settings as configured

from core.ids import uuid7
from core.testing import token_for
from gateway.access.tickets import issue_ticket, redeem_ticket
from gateway.guards.guard import client
from gateway.principal import read_token

ADMIN = {"roles": ["admin"], "email": "x@example.com", "jti": "j", "issued_at": 1, "expires_at": 2**40}


def get_key(ticket):
    return f"{configured.REDIS_PREFIX}:ticket:{ticket}"


@pytest.fixture
def ticket():
    return issue_ticket(read_token(token_for(uuid7(), "client")))


def test_it_is_good_once(ticket):
    assert redeem_ticket(ticket).roles == {"client"}
    assert redeem_ticket(ticket) is None


def test_nobody_who_only_writes_to_valkey_makes_one_up():
    client().set(get_key("forged"), msgspec.json.encode(ADMIN | {"id": str(uuid7())}), ex=30)
    assert redeem_ticket("forged") is None


def test_it_cannot_be_raised(ticket):
    kept = msgspec.json.decode(client().get(get_key(ticket)))
    client().set(get_key(ticket), msgspec.json.encode(kept | {"roles": ["admin"]}), ex=30)
    assert redeem_ticket(ticket) is None


def test_it_cannot_be_copied_under_another_name(ticket):
    client().set(get_key("other"), client().get(get_key(ticket)), ex=30)
    assert redeem_ticket("other") is None


@pytest.mark.parametrize("junk", [b"", b"junk", b"[]", b"{}", b'{"mac": 1}'])
def test_junk_is_nobody(junk):
    client().set(get_key("junk"), junk, ex=30)
    assert redeem_ticket("junk") is None


def test_one_of_before_a_rotation_is_good(ticket, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 60
    assert redeem_ticket(ticket).roles == {"client"}
