"""Every declared way that value can leave: alone, on oneself, in five pieces, twice at once. From the declarations."""

import threading
from contextlib import suppress
from decimal import Decimal
from functools import partial

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from core.errors import DomainError, FourEyes, WrongTransition
from core.ids import uuid7
from gateway.approvals import ALWAYS, NEVER, Waits, approve, expire_due, kind_named, kinds, know_card, reject
from gateway.approvals.deciding import ApprovalExpired
from gateway.models import Approval, GivenAway
from tests.value.ways import WAYS, agree, request_about

LIMIT = 1_000
MORE, LESS = Decimal(1_500), Decimal(400)


def every(*, asked=None, limited=None, favours=None, **options):
    """One case for each declared kind, with the one database it needs.

    `asked` ones can need a second person, `limited` ones only beyond a sum, and of those with `favours` it is known
    whose advantage they are.
    """
    return pytest.mark.parametrize("kind", [
        pytest.param(kind.name, marks=pytest.mark.django_db(databases=[kind.app], **options), id=kind.name)
        for kind in kinds()
        if asked is None or asked == (kind.limit != NEVER)
        if limited is None or limited == (kind.limit not in (ALWAYS, NEVER))
        if favours is None or favours == kind.favours
    ])  # fmt: skip


@pytest.fixture(autouse=True)
def limits(settings):
    """Limits that scenarios may move to the size of their things; the fixture puts them back."""
    for kind in kinds():
        if kind.limit not in (ALWAYS, NEVER):
            setattr(settings, kind.limit, LIMIT)


def get_limit(kind):
    limit = kind_named(kind).limit
    return 0 if limit == ALWAYS else getattr(settings, limit)


def attempt(kind, thing, actor):
    """Try it; whether it must wait, be it by the answer or by the thing's own waiting state."""
    try:
        WAYS[kind].go(thing, actor)
    except Waits:
        return True
    return not WAYS[kind].has_left(thing)


def request_row(kind, request):
    return Approval.objects.using(kind_named(kind).app).get(pk=request.pk)


def waiting(kind, worth=MORE):
    """Something that waits for a second person, its request and who made it."""
    maker = uuid7()
    thing = WAYS[kind].make(uuid7(), worth)
    assert attempt(kind, thing, maker)
    return thing, request_about(kind, thing), maker


def at_once(kind, *steps):
    """Take steps at the same moment; return what each raised, None where it did what it should."""
    start, told = threading.Barrier(len(steps)), [None] * len(steps)

    def take(number, step):
        start.wait()
        try:
            step()
        except DomainError as refusal:
            told[number] = refusal
        finally:
            connections[kind_named(kind).app].close()

    threads = [threading.Thread(target=take, args=pair) for pair in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_every_kind_has_its_scenario():
    assert set(WAYS) == {kind.name for kind in kinds()}


@every(asked=True)
def test_alone_nothing_leaves_and_only_another_person_lets_it(kind):
    thing, request, maker = waiting(kind)
    assert not WAYS[kind].has_left(thing)
    assert (request.kind, request.asked_by, request.state) == (kind, maker, "waiting")
    assert request.amount is None or request.amount > get_limit(kind)
    for person in filter(None, (maker, request.beneficiary_id)):
        with pytest.raises(FourEyes):
            agree(kind, thing, person)
    assert not WAYS[kind].has_left(thing)
    second = uuid7()
    assert agree(kind, thing, second)
    assert WAYS[kind].has_left(thing)
    row = request_row(kind, request)
    assert (row.state, row.decided_by) == ("approved", second)


@every(asked=True)
def test_said_again_it_is_the_same_request(kind):
    thing, request, maker = waiting(kind)
    with suppress(DomainError):
        WAYS[kind].go(thing, maker)
    assert request_about(kind, thing).pk == request.pk
    assert not WAYS[kind].has_left(thing)


@every(favours=True)
def test_nobody_does_it_with_what_is_their_own(kind):
    owner = uuid7()
    thing = WAYS[kind].make(owner, LESS)
    with pytest.raises(FourEyes):
        WAYS[kind].go(thing, owner)
    assert not WAYS[kind].has_left(thing)
    assert request_about(kind, thing) is None


@every(favours=True)
def test_nor_by_their_client_card(kind):
    card, person = uuid7(), uuid7()
    know_card(kind_named(kind).app, card_id=card, user_id=person)
    thing = WAYS[kind].make(card, LESS)
    with pytest.raises(FourEyes):
        WAYS[kind].go(thing, person)
    assert not WAYS[kind].has_left(thing)


@every(asked=True, favours=True)
def test_the_owner_of_the_card_does_not_agree_to_it_either(kind):
    card, person = uuid7(), uuid7()
    know_card(kind_named(kind).app, card_id=card, user_id=person)
    thing = WAYS[kind].make(card, MORE)
    assert attempt(kind, thing, uuid7())
    with pytest.raises(FourEyes):
        agree(kind, thing, person)
    assert not WAYS[kind].has_left(thing)


@every(asked=True)
def test_five_pieces_have_one_limit(kind):
    maker = uuid7()
    pieces = [WAYS[kind].make(uuid7(), LESS) for _ in range(5)]
    waits = [attempt(kind, piece, maker) for piece in pieces]
    alone = 0 if kind_named(kind).limit == ALWAYS else 2
    assert waits == [number >= alone for number in range(5)]
    assert sum(WAYS[kind].has_left(piece) for piece in pieces) == alone
    spent = GivenAway.objects.using(kind_named(kind).app).filter(person_id=maker)
    assert [0 < row.amount <= get_limit(kind) for row in spent] == ([True] if alone else [])


@every(asked=True)
def test_what_was_turned_down_does_not_leave(kind):
    thing, request, _maker = waiting(kind)
    alias, now = kind_named(kind).app, timezone.now()
    reject(alias=alias, approval_id=request.pk, person_id=uuid7(), reason="no", now=now)
    assert not WAYS[kind].has_left(thing)
    assert request_row(kind, request).state == "rejected"
    with pytest.raises(WrongTransition):
        approve(alias=alias, approval_id=request.pk, person_id=uuid7(), now=now)
    assert not WAYS[kind].has_left(thing)


@every(asked=True)
def test_what_nobody_answers_expires(kind):
    thing, request, _maker = waiting(kind)
    alias, late = kind_named(kind).app, request.expires_at
    with pytest.raises(ApprovalExpired):
        approve(alias=alias, approval_id=request.pk, person_id=uuid7(), now=late)
    assert expire_due(alias, now=late) == 1
    assert request_row(kind, request).state == "expired"
    assert not WAYS[kind].has_left(thing)


@every(asked=True, transaction=True)
def test_agreed_to_twice_at_once_it_happens_once(kind):
    thing, request, _maker = waiting(kind)
    alias = kind_named(kind).app

    def step():
        approve(alias=alias, approval_id=request.pk, person_id=uuid7(), now=timezone.now())

    told = at_once(kind, step, step)
    assert [type(one) for one in told if one] == [WrongTransition]
    assert WAYS[kind].has_left(thing)


@every(limited=True, transaction=True)
def test_pieces_at_once_pass_the_limit_no_more_than_one_after_another(kind):
    maker = uuid7()
    pieces = [WAYS[kind].make(uuid7(), LESS) for _ in range(4)]
    at_once(kind, *[partial(WAYS[kind].go, piece, maker) for piece in pieces])
    assert sum(WAYS[kind].has_left(piece) for piece in pieces) == 2
    assert GivenAway.objects.using(kind_named(kind).app).get(person_id=maker).amount <= get_limit(kind)
