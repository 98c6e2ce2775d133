"""A year of a made-up dealership: every state, clean books, nothing told twice; and where it is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from accounts.tests import make
from config import books
from config.databases import APPS
from config.management.demo import year
from core.clock import ToldClock, telling
from core.plugins import plugins
from financing.models import Loan
from insurance.models import Claim, Policy
from messaging.models import InboxEvent, OutboxEvent
from orders.models import Order

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(databases=[*APPS], transaction=True)


def count_rows():
    return {alias: OutboxEvent.objects.using(alias).count() for alias in APPS}


@pytest.mark.proof
def test_a_year_is_told_once_in_every_state_and_its_books_are_clean(settings, monkeypatch):
    settings.DEBUG = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    monkeypatch.setitem(year.SIZES, "small", len(year.PLOTS))
    now = timezone.now()
    for plugin in plugins().values():
        if plugin.demo:
            plugin.demo(now)
    told = year.play_year("small", now, lambda done, all_of: None)
    assert set(told) == {*year.PLOTS, "books"}
    assert {"completed", "cancelled", "awaiting_payment", "in_progress", "ready", "returning"} <= set(
        Order.objects.values_list("status", flat=True)
    )
    placed = Order.objects.order_by("created_at").values_list("created_at", flat=True)
    assert placed[0] < now - timedelta(days=200)
    assert max(placed) < now
    assert (Loan.objects.filter(status="overdue").exists(), Policy.objects.exists(), Claim.objects.exists()) == (
        True, True, True,
    )  # fmt: skip
    assert [str(found) for check in books.CHECKS.values() for found in check()] == []
    assert [InboxEvent.objects.using(alias).exclude(last_error="").count() for alias in APPS] == [0] * len(APPS)
    before = count_rows()
    assert year.play_year("small", now, lambda done, all_of: None) == {}
    assert count_rows() == before


def test_the_same_seed_plans_the_same_year():
    plugins()["catalog"].demo(timezone.now())
    first, second = ([(at, one.person, one.car, one.plot) for at, one in year.plan("small", NOON)] for _ in range(2))
    assert first == second
    assert {plot for *_rest, plot in first} == set(year.PLOTS)
    assert len({person.email for _at, person, *_rest in first}) == year.SIZES["small"]
    assert all(NOON - timedelta(days=365) < at < NOON for at, *_rest in first)


def test_a_told_clock_is_handed_back():
    moment = timezone.now() - timedelta(days=300)
    real = timezone.now
    told = telling(ToldClock(moment))
    with told:
        assert timezone.now() == moment
    assert timezone.now is real


@pytest.mark.parametrize("arguments", [(), ("--force",)])
def test_outside_debug_nobody_is_mixed_with_made_up_people(settings, monkeypatch, arguments):
    settings.DEBUG = False
    monkeypatch.setattr("config.management.commands.load_demo.running_address", lambda folder: "")
    people = [make.user(), make.user()]
    with pytest.raises(CommandError, match="made-up"):
        call_command("load_demo", *arguments)
    assert User.objects.count() == len(people)
    assert not Order.objects.exists()


def test_it_is_refused_while_workers_would_do_today_what_it_tells_of_last_year(settings, monkeypatch):
    settings.DEBUG = True
    monkeypatch.setattr("config.management.commands.load_demo.running_address", lambda folder: "http://127.0.0.1:1")
    with pytest.raises(CommandError, match="runs here"):
        call_command("load_demo")
