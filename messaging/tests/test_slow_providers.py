"""Calls to the outside: a provider that takes its time holds its own places, and no other provider's calls."""

import queue
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connections

from core.db import transaction
from messaging import tasks
from messaging.delivery import calls, sweep, wakeups
from messaging.delivery.calls import Operation, Outcome, operation, request_call
from messaging.models import CallState, ExternalCall
from tests.product import wait_for

pytestmark = pytest.mark.django_db(databases=["payments"], transaction=True)
NAME = "payments.test_call"
WORKERS = 4
SLOW, QUICK = "slow bank", "quick bank"


class Bank(Operation):
    """Answers quickly, or only when it is told to."""

    name = NAME

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked: Counter[str] = Counter()
        self.at_once, self.most_at_once = 0, 0
        self.lock = threading.Lock()

    def call(self, key, request, *, is_repeat):
        with self.lock:
            self.asked[key] += 1
            self.at_once += request["waits"]
            self.most_at_once = max(self.most_at_once, self.at_once)
        if request["waits"]:
            assert self.may_answer.wait(30)
        with self.lock:
            self.at_once -= request["waits"]
        return Outcome(CallState.OK, {"status": "succeeded"})

    def settle(self, key, request, outcome):
        pass


class Workers:
    """Workers of Celery for outside work: they take one wake-up after the other."""

    def __init__(self) -> None:
        self.wakeups: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self.threads = [threading.Thread(target=self._work) for _ in range(WORKERS)]
        for thread in self.threads:
            thread.start()

    def _work(self) -> None:
        while wakeup := self.wakeups.get():
            tasks.run_call(*wakeup)
        connections.close_all()

    def stop(self) -> None:
        for _ in self.threads:
            self.wakeups.put(None)
        for thread in self.threads:
            thread.join(30)


@pytest.fixture
def bank() -> Iterator[Bank]:
    operation(Bank)
    item = calls._operations[NAME]
    assert isinstance(item, Bank)
    yield item
    item.may_answer.set()
    del calls._operations[NAME]


@pytest.fixture
def workers(bank, monkeypatch) -> Iterator[Workers]:
    running = Workers()
    monkeypatch.setattr(wakeups, "send_call", lambda alias, key, queue="": running.wakeups.put((alias, key)))
    yield running
    bank.may_answer.set()
    running.stop()


def wish(provider: str, *keys: str, waits: bool = False) -> None:
    with transaction("payments"):
        for key in keys:
            request_call(key=key, operation=NAME, provider=provider, request={"waits": waits})


def answered() -> int:
    return ExternalCall.objects.using("payments").filter(state=CallState.OK).count()


def test_a_queue_for_a_slow_provider_holds_up_nobody_else(bank, workers, settings):
    wish(SLOW, *(f"slow {number}" for number in range(50)), waits=True)
    wait_for(lambda: bank.at_once == settings.CALLS_PER_PROVIDER, 10, "the slow one is not called")
    wish(QUICK, *(f"quick {number}" for number in range(5)))
    wait_for(lambda: answered() == 5, 5, "the quick one waits for the slow one")
    assert bank.at_once == settings.CALLS_PER_PROVIDER, "the slow one has answered nothing yet"
    bank.may_answer.set()
    wait_for(lambda: answered() == 55, 20, "what waited at the slow one is not made once it answers")
    assert set(bank.asked.values()) == {1}
    assert bank.most_at_once == settings.CALLS_PER_PROVIDER


def test_one_slow_call_holds_one_place_and_the_others_to_the_same_provider_go_on(bank, workers):
    wish(SLOW, "slow", waits=True)
    wait_for(lambda: bank.at_once == 1, 10, "it is not called")
    wish(SLOW, *(f"quick {number}" for number in range(20)))
    wait_for(lambda: answered() == 20, 10, "they wait for the slow one")
    assert bank.at_once == 1


def test_a_place_goes_back_when_a_call_fails_in_the_worker(bank, settings):
    settings.CALLS_PER_PROVIDER = 1
    with wakeups.muted():
        wish(SLOW, "first", "second")
    bank.settle = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        calls.serve_provider("payments", "first")
    del bank.settle
    calls.serve_provider("payments", "second")
    assert ExternalCall.objects.using("payments").get(key="second").state == CallState.OK


def test_who_worked_a_full_turn_leaves_the_rest_to_the_next(bank, monkeypatch):
    with wakeups.muted():
        wish(SLOW, "first", "second")
    said: list[str] = []
    monkeypatch.setattr(wakeups, "send_call", lambda alias, key: said.append(key))
    monkeypatch.setattr(calls, "TURN_S", 0.0)
    calls.serve_provider("payments", "first")
    assert (answered(), said) == (1, ["second"])


def test_the_sweep_looks_at_every_provider(bank, monkeypatch):
    with wakeups.muted():
        wish(SLOW, *(f"slow {number:03}" for number in range(250)))
        wish(QUICK, "quick")
    said: list[str] = []
    monkeypatch.setattr(wakeups, "send_call", lambda alias, key, queue: said.append(key))
    sweep.sweep("payments")
    assert said.index("quick") < 2
