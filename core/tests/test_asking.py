"""Questions to other machines: never while a transaction is open, once each, and the work begins again with answers."""

import pytest

from core.db import InsideTransaction, is_any_open, transaction
from core.outside.asking import MAX_QUESTIONS, PeerAway, QuestionAsked, ask, with_answers

pytestmark = pytest.mark.django_db(databases=["orders", "catalog"])


class Peer:
    """Counts what it is asked, and refuses to be asked by somebody who holds locks."""

    def __init__(self, answer="blue"):
        self.answer, self.asked = answer, 0

    def __call__(self):
        assert not is_any_open()
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_outside_a_transaction_it_is_asked_at_once():
    peer = Peer()
    assert [ask("colour", peer), ask("colour", peer)] == ["blue", "blue"]
    assert peer.asked == 2


def test_inside_a_transaction_it_is_refused_where_nobody_can_begin_again():
    peer = Peer()
    with pytest.raises(InsideTransaction), transaction("orders"):
        ask("colour", peer)
    assert peer.asked == 0


def test_the_work_is_rolled_back_and_begun_again_with_the_answer():
    colour, size, begun = Peer(), Peer(7), []

    def work():
        with transaction("orders"):
            begun.append("begun")
            return ask("colour", colour), ask("size", size), ask("colour", colour)

    assert with_answers(work) == ("blue", 7, "blue")
    assert (len(begun), colour.asked, size.asked) == (3, 1, 1)


def test_a_refusal_is_an_answer_and_is_raised_where_it_was_asked():
    peer, caught = Peer(PeerAway()), []

    def work():
        with transaction("orders"):
            try:
                ask("colour", peer)
            except PeerAway as error:
                caught.append(error)
            return "went on"

    assert with_answers(work) == "went on"
    assert (len(caught), peer.asked) == (1, 1)


def test_work_within_work_leaves_its_questions_to_the_outer_one():
    peer = Peer()

    def inner():
        with transaction("catalog"):
            return ask("colour", peer)

    def outer():
        with transaction("orders"):
            return with_answers(inner)

    assert (with_answers(outer), peer.asked) == ("blue", 1)


def test_work_that_never_stops_asking_is_stopped():
    def work():
        with transaction("orders"):
            for number in range(MAX_QUESTIONS + 1):
                ask(str(number), Peer())

    with pytest.raises(QuestionAsked):
        with_answers(work)


def test_answers_are_forgotten_with_the_work():
    peer = Peer()

    def work():
        with transaction("orders"):
            return ask("colour", peer)

    assert (with_answers(work), with_answers(work), peer.asked) == ("blue", "blue", 2)
