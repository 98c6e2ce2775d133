"""A stored payment method is its owner's: wherever the document lets one be named, another's is refused at once."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django import forms
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import User
from messaging.testing import published
from payments.models import Payment
from payments.services import store_method
from tests.permissions import table
from tests.permissions.table import Row
from tests.permissions.test_matrix import callers, home
from tests.product import ROOT
from tests.test_ids_of_nobody import STORED, laid, places, ready

NAME = "payment_method_id"
BY_OWNERS = ("own", "mine", "signed in")
"""How the table of permissions calls what people do for themselves."""
OF_ITS_OWN = {"POST /payments"}
"""Operations where staff pay for a client with a card of their own; everywhere else it would be asked of the client."""


def kept(customer_id: UUID, method: str = "card") -> str:
    """A method that a person has stored, as they would."""
    stored = store_method(customer_id=customer_id, method=method, token="tok_success", now=timezone.now())
    return str(stored.id)


def named() -> Iterator[tuple[str, Row, tuple[str, ...]]]:
    """Every place of the document that names a stored method."""
    for name, row, place in places():
        if place[-1].endswith("method_id"):
            yield name, row, place


def cases(*words: str) -> Iterator[Any]:
    for name, row, place in named():
        if row.word in words or not words:
            databases = [home(row), "payments", "accounts"]
            yield pytest.param(row, place, marks=pytest.mark.django_db(databases=databases), id=name)


class Attempt:
    """A request that names a stored method, by somebody on something of the owner's."""

    def __init__(self, row: Row, place: tuple[str, ...]) -> None:
        self.row, self.place, self.people = row, place, callers(row)
        self.owner = self.people["owner"]
        prefix = "".join(f"{part}." for part in place[:-1])
        self.body = STORED[f"{row.method} {row.path}"][prefix](self.owner.user_id)
        self.path = row.path
        for one in ready(row, self.owner.user_id):
            self.path = self.path.replace("{}", one, 1)

    def send(self, who: Any, method_id: str, **more: Any) -> Any:
        """Ask by one of the callers, with the named method at its place."""
        given = laid(self.body, self.place, method_id) | more
        return who.request(self.row.method.lower(), self.path, given)

    def refuses(self, who: Any, method_id: str, code: str = "unknown_payment_method", **more: Any) -> None:
        """The answer is 400 and names the field, and nothing was asked of anybody."""
        before = published(home(self.row)), published("payments"), Payment.objects.count()
        answer = self.send(who, method_id, **more)
        said = {(wrong["field"], wrong["code"]) for wrong in answer.json().get("errors", [])}
        assert answer.status_code == 400, answer.content
        assert (".".join(self.place), code) in said, answer.content
        assert (published(home(self.row)), published("payments"), Payment.objects.count()) == before


@pytest.fixture(autouse=True)
def unlimited(settings):
    settings.RATE_LIMITS_ON = False


def test_every_place_is_found():
    assert {(row.method, row.path) for _, row, _ in named()} == {tuple(name.split(" ")) for name in STORED}
    assert {place[-1] for _, _, place in named()} == {NAME}


@pytest.mark.parametrize(("row", "place"), list(cases()))
def test_a_strangers_method_is_refused_when_it_is_given(row, place):
    attempt = Attempt(row, place)
    stranger = attempt.people["another client"]
    by = attempt.people["admin"] if row.word == "manager" else attempt.owner
    attempt.refuses(by, kept(stranger.user_id))


@pytest.mark.parametrize(("row", "place"), list(cases(*BY_OWNERS)))
def test_a_method_of_another_kind_is_refused_too(row, place):
    attempt = Attempt(row, place)
    if row.path == "/payments":
        answer = attempt.send(attempt.owner, kept(attempt.owner.user_id, "sbp"))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "method")
        return
    attempt.refuses(attempt.owner, kept(attempt.owner.user_id, "sbp"), "invalid")


@pytest.mark.parametrize(("row", "place"), list(cases(*BY_OWNERS)))
def test_ones_own_is_taken(row, place):
    """Whatever else stands in the way of the request, it is not the method."""
    attempt = Attempt(row, place)
    answer = attempt.send(attempt.owner, kept(attempt.owner.user_id))
    assert NAME not in answer.content.decode() or answer.status_code < 300, answer.content


@pytest.mark.parametrize(("row", "place"), list(cases("own", "manager")))
def test_staff_use_no_clients_card_nor_their_own_for_a_client(row, place):
    attempt = Attempt(row, place)
    manager = attempt.people["manager"]
    for owner in (attempt.owner, manager):
        attempt.refuses(manager, kept(owner.user_id))


@pytest.mark.parametrize(("row", "place"), list(cases("signed in")))
def test_nor_do_they_when_they_order_for_somebody(row, place):
    attempt = Attempt(row, place)
    manager = attempt.people["manager"]
    if f"{row.method} {row.path}" in OF_ITS_OWN:
        assert attempt.send(manager, kept(manager.user_id)).status_code == 201
        attempt.refuses(manager, kept(attempt.owner.user_id))
        return
    client_id = attempt.owner.user_id
    User.objects.create(id=client_id, email="client@example.com", password="!", roles=["client"])
    for owner_id in (client_id, manager.user_id):
        attempt.refuses(manager, kept(owner_id), customer_id=str(client_id))


def test_no_page_lets_one_be_named():
    """A form that does has to hold it against its visitor's own, as the API does."""
    get_resolver().url_patterns  # noqa: B018 - imports every page
    naming = {
        f"{form.__module__}.{form.__qualname__}.{name}"
        for form in _all(forms.BaseForm)
        for name in getattr(form, "base_fields", {})
        if name.endswith("method_id") or name in ("payment_method", "stored_method", "saved_method")
    }
    assert naming == set()
    templates = [file for file in ROOT.glob("templates/**/*.html") if f'name="{NAME}"' in file.read_text()]
    assert templates == []


def _all(of: type) -> Iterator[type]:
    for one in of.__subclasses__():
        yield one
        yield from _all(one)


def test_the_table_has_the_operations():
    assert {f"{row.method} {row.path}" for row in table.rows()} >= set(STORED)
