"""A part of the product is switched off at once and on again: who asks for it hears why, and all else goes on."""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

import accounts.tests.make as accounts_make
import financing.tests.make as financing_make
import payments.tests.make as payments_make
from core.db import transaction
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from financing.models import Application
from financing.rules.switches import APPLICATIONS
from gateway.access.switches import (
    SwitchedOff,
    SwitchStandsSo,
    SwitchUnknown,
    is_on,
    last_turn,
    list_switches,
    turn_switch,
)
from gateway.models import SwitchTurn
from gateway.responses import cache
from messaging.models import OutboxEvent
from payments.commands import Means
from payments.handlers import serve_checkout
from payments.models import Payment, Purpose, Status
from payments.rules.switches import CARD, SBP
from payments.services import charge_for
from payments.services.requests import Ask

pytestmark = pytest.mark.django_db(databases=list(settings.APPS))
PAGE = "/admin/gateway/switchturn/"


def turn(switch, *, on, reason="the bank is down"):
    return turn_switch(name=switch.name, is_on=on, reason=reason, actor_id=None, now=timezone.now())


# How it stands -----------------------------------------------------------------------------------------------------
def test_a_switch_stands_as_declared_until_it_is_turned_and_then_as_turned_last():
    assert is_on(CARD)
    turn(CARD, on=False)
    assert (is_on(CARD), is_on(SBP)) == (False, True)
    turn(CARD, on=True, reason="it is back")
    assert is_on(CARD)
    rows = SwitchTurn.objects.using("payments").order_by("id").values_list("is_on", "reason")
    assert list(rows) == [(False, "the bank is down"), (True, "it is back")]


@pytest.fixture
def kept(settings):
    """Let how switches stand be kept in Valkey, as outside of tests."""
    settings.SWITCH_CACHE_SECONDS = 300
    cache.line.rests_until = 0.0


@pytest.mark.django_db(databases=["payments"], transaction=True)
def test_reading_costs_no_statement_and_a_turn_counts_at_once_for_every_reader(kept):
    turn(CARD, on=False)
    turn(CARD, on=True)
    assert elsewhere(CARD)
    with transaction("payments"), CaptureQueriesContext(connections["payments"]) as asked:
        assert is_on(CARD)
    assert is_on(CARD)
    assert not [one for one in asked.captured_queries if "switch_turn" in one["sql"]]
    turn(CARD, on=False)
    assert (is_on(CARD), elsewhere(CARD)) == (False, False)


@pytest.mark.django_db(databases=["payments"], transaction=True)
def test_without_valkey_the_database_answers(kept):
    turn(CARD, on=False)
    turn(CARD, on=True)
    assert is_on(CARD)
    turn(CARD, on=False)
    cache.line.rests_until = time.monotonic() + 60
    assert not is_on(CARD)
    cache.line.rests_until = 0.0


def elsewhere(switch):
    """How a switch stands to another thread, which has connections of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: (is_on(switch), connections["payments"].close())[0]).result()


def test_a_turn_that_is_undone_was_none():
    with pytest.raises(RuntimeError), transaction("payments"):  # noqa: PT012
        turn(CARD, on=False)
        raise RuntimeError
    assert is_on(CARD)


def test_it_is_turned_by_name_with_a_reason_and_only_where_that_changes_anything():
    with pytest.raises(SwitchUnknown):
        turn_switch(name="payments.gold", is_on=False, reason="x", actor_id=None, now=timezone.now())
    with pytest.raises(SwitchStandsSo):
        turn(CARD, on=True)
    with pytest.raises(InvalidInput):
        turn(CARD, on=False, reason="  ")
    assert last_turn(CARD) is None


def test_the_history_is_never_rewritten():
    turn(CARD, on=False)
    for change in ({"is_on": True}, {"reason": ""}):
        with pytest.raises(IntegrityError, match="only added to"), transaction("payments"):
            SwitchTurn.objects.using("payments").update(**change)


def test_every_switch_is_its_apps_and_speaks_both_languages():
    for switch in list_switches():
        assert switch.app in settings.APPS
        with translation.override("ru"):
            russian = [str(switch.title), str(switch.description), str(switch.refusal)]
        with translation.override("en"):
            assert not {str(switch.title), str(switch.description), str(switch.refusal)} & {*russian}


# What is off -------------------------------------------------------------------------------------------------------
def test_no_loan_is_applied_for_and_an_order_hears_so():
    financing_make.programme()
    order = financing_make.order()
    turn(APPLICATIONS, on=False)
    with pytest.raises(SwitchedOff, match=str(APPLICATIONS.refusal)):
        financing_make.application(of=order)
    assert financing_make.requested(order) is None
    told = OutboxEvent.objects.using("financing").get(type="financing.rejected").data
    assert (told["reasons"], told["detail"]) == (["switched_off"], str(APPLICATIONS.refusal))
    assert not Application.objects.exists()
    turn(APPLICATIONS, on=True)
    assert financing_make.application(of=order).pk


def test_no_payment_begins_by_a_method_that_is_off_and_others_do():
    order = payments_make.order()
    buyer = Api("client", user_id=order.customer_id)
    turn(CARD, on=False)
    refused = buyer.post("/payments", {"order_id": str(order.id), "method": "card"}, Accept_Language="en")
    assert (refused.status_code, refused.json()["code"]) == (409, "switched_off")
    assert "Payment by card is not available" in refused.json()["detail"]
    assert not Payment.objects.exists()
    assert buyer.post("/payments", {"order_id": str(order.id), "method": "sbp"}).status_code == 201


def test_premiums_and_loans_hear_so_too():
    turn(CARD, on=False)
    ask = Ask(uuid7(), uuid7(), uuid7(), Decimal(100), "RUB", "")
    given = {"ask": ask, "purpose": Purpose.LOAN, "now": timezone.now()}
    payment = charge_for(means=Means("card", "tok_success"), **given)
    assert (payment.status, payment.failure_code) == (Status.FAILED, "switched_off")


def test_a_checkout_hears_that_the_method_is_off():
    turn(CARD, on=False)
    asked = payments_make.payment_requested(payments_make.order())
    serve_checkout(asked)
    payment = Payment.objects.get()
    assert (payment.status, payment.failure_code) == (Status.FAILED, "switched_off")
    assert payment.failure_detail == str(CARD.refusal)


# Who turns it ------------------------------------------------------------------------------------------------------
def test_the_terminal_turns_it_and_lists_all(capsys):
    call_command("switch", "payments.card", "off", reason="the bank is down")
    call_command("switch")
    told = capsys.readouterr().out
    assert "payments.card off since" in told
    assert "financing.applications on" in told
    for wrong in (["payments.gold", "off"], ["payments.card", "off"], ["payments.card"]):
        with pytest.raises(CommandError):
            call_command("switch", *wrong, reason="again")
    with pytest.raises(CommandError):
        call_command("switch", "payments.card", "on")
    assert not is_on(CARD)


def test_administrators_turn_it_on_a_page_and_nobody_else():
    boss, browser = accounts_make.user("admin"), Browser()
    browser.force_login(boss, backend="accounts.backends.EmailBackend")
    assert CARD.name in browser.get(PAGE).content.decode()
    off = {"name": CARD.name, "is_on": "off", "reason": "the bank is down"}
    assert browser.post(PAGE, off | {"reason": ""}).status_code == 400
    assert is_on(CARD)
    assert browser.post(PAGE, off).status_code == 302
    last = last_turn(CARD)
    assert (last.is_on, last.actor_id, last.reason) == (False, boss.id, "the bank is down")
    assert "the bank is down" in browser.get(PAGE).content.decode()
    browser.force_login(accounts_make.user("manager"), backend="accounts.backends.EmailBackend")
    assert [browser.get(PAGE).status_code, browser.post(PAGE, off | {"is_on": "on"}).status_code] == [403, 403]
    assert not is_on(CARD)


def test_the_audit_search_finds_who_turned_it():
    boss = uuid7()
    turn_switch(name=SBP.name, is_on=False, reason="test", actor_id=boss, now=timezone.now())
    found = Api("admin").get(f"/audit?person={boss}").json()["results"]
    assert [(act["kind"], act["what"], act["told"]["is_on"]) for act in found] == [
        ("payments.switchturn", SBP.name, "False")
    ]
