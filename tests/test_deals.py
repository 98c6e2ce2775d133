"""Whole deals in any order: whatever people do, the books agree after every step, and every rouble has its place.

AUTOSALON_DEAL_RUNS=2000 tries as many deals as that; a few are tried every day.
"""

import os
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connections
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test

from config.databases import APPS
from payments.tests.conftest import running_sandbox, sandbox
from tests.deals.machine import DONE, TRIED, WAITS, Deals
from tests.deals.mutants import WAYS

__all__ = ["running_sandbox", "sandbox"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
RUNS = int(os.environ.get("AUTOSALON_DEAL_RUNS", "4"))
ENOUGH = 150
"""From so many runs on, every rule must have been done at least once."""


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def explore(runs: int) -> None:
    """Play so many deals.

    Where the machine is so busy that a provider's answer comes too late, the same steps lead elsewhere and Hypothesis
    gives up; what is left is begun anew then, now and then. Whatever a deal itself finds wrong is raised.
    """
    played = 0

    def begin() -> Deals:
        nonlocal played
        played += 1
        return Deals()

    for _ in range(2 + runs // 50):
        try:
            run_state_machine_as_test(begin, settings=_plan(runs - played))
            return
        except FlakyStrategyDefinition as late:
            print(f"begun anew after {played} deals: {late}")
            if played >= runs:
                return
    raise AssertionError("the same steps lead elsewhere too often")


def _plan(runs: int) -> settings:
    return settings(
        max_examples=runs,
        stateful_step_count=10,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def report() -> str:
    """Each rule: how often it was done, waited, and was refused, and by what most of all."""
    lines = []
    for name in sorted({name for name, _ in TRIED}):
        outcomes = {outcome: count for (rule, outcome), count in TRIED.items() if rule == name}
        refused = sorted(((n, code) for code, n in outcomes.items() if code not in (DONE, WAITS)), reverse=True)
        why = ", ".join(f"{code} {n}" for n, code in refused[:3])
        lines.append(
            f"{name:24} done {outcomes.get(DONE, 0):5} waited {outcomes.get(WAITS, 0):4}"
            f" refused {sum(n for n, _ in refused):5}  {why}"
        )
    return "\n".join(lines)


@pytest.mark.timeout(0 if "AUTOSALON_DEAL_RUNS" in os.environ else 600)
def test_the_books_agree_after_every_step_of_any_deal(running_sandbox):
    connections["orders"].ensure_connection()
    TRIED.clear()
    explore(RUNS)
    print(report())
    if RUNS >= ENOUGH:
        assert {name for name, _ in TRIED if not TRIED[name, DONE]} == set(), report()


def play(steps: Callable[[Deals], None]) -> None:
    deal = Deals()
    try:
        steps(deal)
    finally:
        deal.teardown()


@pytest.mark.proof
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "steps", dict.fromkeys(steps for _mutant, steps in WAYS.values()), ids=lambda steps: steps.__name__
)
def test_what_finds_a_mutant_finds_nothing_else(running_sandbox, steps):
    play(steps)


@pytest.mark.proof
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", WAYS)
def test_a_guard_that_is_taken_out_is_missed(running_sandbox, name):
    mutant, steps = WAYS[name]
    with mutant(), pytest.raises((AssertionError, IntegrityError)):
        play(steps)
