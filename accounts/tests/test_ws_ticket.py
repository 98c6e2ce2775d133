import pytest
from django.utils import timezone

from accounts import services
from accounts.tests import make
from core.testing import Api
from gateway.access.tickets import issue_ticket, redeem_ticket
from gateway.guards.guard import client
from messaging.testing import drain_outbox

pytestmark = pytest.mark.django_db(databases=["accounts"])


def test_a_ticket_opens_once():
    person = make.user("manager")
    answer = make.api(person).post("/auth/ws-ticket")
    assert (answer.status_code, answer.json()["expires_in"]) == (200, 30)
    ticket = answer.json()["ticket"]
    principal = redeem_ticket(ticket)
    assert principal is not None
    assert (principal.id, principal.roles) == (person.id, {"manager"})
    assert redeem_ticket(ticket) is None


def test_a_ticket_lives_thirty_seconds(settings):
    ticket = make.api(make.user()).post("/auth/ws-ticket").json()["ticket"]
    assert 25 < client().ttl(f"{settings.REDIS_PREFIX}:ticket:{ticket}") <= 30


def test_signing_out_spoils_the_tickets():
    person = make.user()
    pair = make.pair(person)
    ticket = make.bearer(pair.access_token).post("/auth/ws-ticket").json()["ticket"]
    services.close_account(user_id=person.id, now=timezone.now())
    drain_outbox("accounts")
    assert redeem_ticket(ticket) is None


def test_a_ticket_does_not_outlive_its_token():
    import msgspec

    from gateway.principal import read_token

    principal = read_token(make.pair(make.user()).access_token)
    assert redeem_ticket(issue_ticket(msgspec.structs.replace(principal, expires_at=1))) is None


@pytest.mark.parametrize("ticket", ["", "x", "../..", "я"])
def test_made_up_tickets_open_nothing(ticket):
    assert redeem_ticket(ticket) is None


def test_a_ticket_needs_a_token():
    assert Api().post("/auth/ws-ticket").status_code == 401
