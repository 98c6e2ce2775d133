"""Who did what to which thing when is found over every app, by those alone who may look, and each look is recorded."""

import html
import json
import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections
from django.test import Client as Browser
from django.utils import timezone, translation

import accounts.tests.make as accounts_make
import orders.tests.make as orders_make
from accounts.models import ActivityKind
from accounts.services.activity import record
from core import context
from core.approvals import KnowPerson
from core.ids import uuid7
from core.plugins import plugins
from core.secrecy.redaction import MASK
from core.testing import Api
from gateway.access.audit import screen
from gateway.access.audit.cursors import write_cursor
from gateway.access.audit.masking import mask
from gateway.access.audit.searching import Place
from gateway.access.audit.trails import PLUMBING, list_trails
from gateway.models import Approval, Reading
from gateway.people.copies import follow_people
from messaging.peering import peers
from messaging.tests.line import Line
from orders.models import OrderHistory, OrderLine

NOW = timezone.now().replace(microsecond=0)
VIN = "XTA210990Y2765432"
pytestmark = pytest.mark.django_db(databases=list(settings.APPS))
TRAILS = [pytest.param(app, trail, id=kind) for app in settings.APPS for kind, trail in list_trails(app)]
_INDEXES = """
SELECT array(SELECT pg_get_indexdef(indexrelid, n, true) FROM generate_series(1, indnkeyatts) AS n),
       coalesce(pg_get_expr(indpred, indrelid), '')
FROM pg_index WHERE indrelid = %s::regclass AND indisvalid
"""


# Every history is declared ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("app", settings.APPS)
def test_every_history_of_an_app_is_searched(app):
    audit = plugins()[app].audit
    told = {trail.model for trail in audit.trails}
    assert told | audit.parts.keys() == find_histories(app), "declare it in the app's plugin/histories.py"
    assert set(audit.parts.values()) <= told


def test_the_histories_in_every_database_are_searched():
    assert {trail.model for trail in PLUMBING} == find_histories("gateway") | find_histories("messaging")


def find_histories(app):
    return {model for model in apps.get_app_config(app).get_models() if hasattr(model, "only_added")}


@pytest.mark.parametrize(("app", "trail"), TRAILS)
def test_every_question_has_an_index(app, trail):
    for path, then in [
        (trail.at, ()),
        *((path, (trail.at,)) for path in trail.by),
        *((one, ()) for one in trail.things),
    ]:
        model, *columns = resolve(trail.model, path)
        assert any_index(app, model, [*columns, *then]), (
            f"{model.__name__}: no index begins with {columns + list(then)}"
        )


def resolve(model, path):
    """The model whose column a path ends at, and the column as an index names it; each step there has an index too."""
    first, _, rest = path.partition("__")
    if not rest:
        return model, "id" if first == "pk" else first
    item = model._meta.get_field(first)
    if not item.is_relation:
        return model, f"({first} ->> '{rest}'::text)"
    return resolve(item.related_model, rest)


def any_index(app, model, columns):
    with connections[app].cursor() as cursor:
        cursor.execute(_INDEXES, [model._meta.db_table])
        found = [(names, where) for names, where in cursor.fetchall() if is_whole(where, columns[0])]
    return any(names[: len(columns)] == columns for names, _where in found)


def is_whole(where, column):
    """Tell whether an index leaves out only rows in which the column says nothing."""
    return where in ("", f"({column} IS NOT NULL)") or bool(re.fullmatch(r"\(details \? 'by'::text\)", where))


# Who did what ------------------------------------------------------------------------------------------------------
@pytest.fixture
def boss():
    return Api("admin", user_id=accounts_make.user("admin").id)


def find(api, **asked):
    answer = api.get(f"/audit?{urlencode(asked)}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_an_order_is_found_by_number_and_vin_and_what_was_done_by_the_person(boss):
    made = orders_make.order()
    line = made.lines.get()
    OrderLine.objects.filter(pk=line.pk).update(vin=VIN)
    for thing in (str(made.id), made.number.lower(), VIN.lower()):
        found = find(boss, thing=thing, kind="orders.orderhistory")["results"]
        assert "order.created" in {act["what"] for act in found}, thing
        assert all({"kind": "order", "id": str(made.id)} in act["things"] for act in found)
    by_buyer = find(boss, person=str(made.customer_id), kind="orders.orderhistory")["results"]
    assert {act["by"][0] for act in by_buyer} == {str(made.customer_id)}
    assert find(boss, person=str(uuid7()))["results"] == []
    assert find(boss, thing="nothing of the kind")["results"] == []


def test_what_an_administrator_did_to_another_is_theirs(boss):
    person = accounts_make.user("client")
    record(ActivityKind.SIGNED_IN, person.id, now=NOW)
    with context.cause(actor=str(boss.user_id)):
        record(ActivityKind.ROLES_CHANGED, person.id, now=NOW)
    mine = find(boss, person=str(boss.user_id), kind="accounts.activity", thing=str(person.id))["results"]
    assert [(act["what"], act["by"]) for act in mine] == [("roles_changed", [str(boss.user_id)])]
    theirs = find(boss, person=person.email, kind="accounts.activity")["results"]
    assert {act["what"] for act in theirs} == {"created", "signed_in"}


def test_pages_of_several_apps_are_one_order_without_gap_or_repeat(boss):
    owner = uuid7()
    for app in ("orders", "payments", "showroom"):
        for minute in range(3):
            at = NOW - timedelta(minutes=minute)
            Reading.objects.using(app).create(kind="k", owner_id=owner, reader_id=uuid7(), reader_role="manager", at=at)
    asked = {"thing": str(owner), "until": (NOW + timedelta(microseconds=1)).isoformat()}  # before the first search
    whole = [(act["at"], act["kind"]) for act in find(boss, **asked)["results"]]
    assert whole == sorted(whole, reverse=True)
    assert len(whole) == 9
    paged, query = [], asked | {"page_size": 2}
    while query:
        page = find(boss, **query)
        paged += [(act["at"], act["kind"]) for act in page["results"]]
        query = page["next"] and dict(parse_qsl(urlsplit(page["next"]).query))
    assert paged == whole
    part = find(boss, thing=str(owner), since=(NOW - timedelta(minutes=1)).isoformat(), until=NOW.isoformat())
    assert {act["at"] for act in part["results"]} == {(NOW - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")}


def test_rows_with_numbers_of_one_moment_are_paged_by_their_numbers(boss):
    made = orders_make.order()
    for _number in range(12):
        OrderHistory.objects.create(order=made, kind="edit", status=made.status, event="order.touched", at=NOW)
    seen, query = [], {"thing": made.number, "kind": "orders.orderhistory", "page_size": 5}
    while query:
        page = find(boss, **query)
        seen += [int(act["id"]) for act in page["results"] if act["what"] == "order.touched"]
        query = page["next"] and dict(parse_qsl(urlsplit(page["next"]).query))
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 12


def test_the_second_person_is_found_beside_the_first(boss):
    first, second, subject = uuid7(), uuid7(), uuid7()
    Approval.objects.using("payments").create(
        kind="payments.refund", subject_type="payment", subject_id=subject, currency="RUB", asked_by=first,
        asked_at=NOW, state="approved", decided_by=second, decided_at=NOW + timedelta(minutes=5),
        decision_reason="ring +7 900 123-45-67",
    )  # fmt: skip
    found = find(boss, thing=str(subject))["results"]
    assert [(act["kind"], act["by"]) for act in found] == [
        ("payments.decision", [str(second)]),
        ("payments.approval", [str(first)]),
    ]
    assert found[0]["told"]["decision_reason"] == f"ring {MASK}"


def test_what_tells_of_a_person_is_masked():
    told = {"phone": "+79001234567", "price": "5", "note": {"email": "a@b.example"}, "by": ["write to a@b.example"]}
    assert json.loads(mask("before", told)) == {
        "phone": MASK, "price": "5", "note": {"email": MASK}, "by": [f"write to {MASK}"],
    }  # fmt: skip
    assert mask("phone", "900") == MASK
    assert mask("reason", "a friend of Anna's, anna@b.example") == f"a friend of Anna's, {MASK}"


# Who may look, and that they did -----------------------------------------------------------------------------------
def test_managers_may_look_who_are_named_as_auditors(settings):
    manager, client = Api("manager"), Api("client")
    settings.AUDITORS = [str(client.user_id)]
    assert [caller.get("/audit").status_code for caller in (Api(), client, manager)] == [401, 403, 403]
    assert not Reading.objects.using("accounts").exists()
    settings.AUDITORS = [str(manager.user_id)]
    assert manager.get("/audit").status_code == 200


def test_each_search_is_recorded_with_what_was_looked_for(boss):
    person, thing = uuid7(), uuid7()
    find(boss, person=str(person), thing=str(thing))
    find(boss, person=str(boss.user_id))
    found = Reading.objects.using("accounts").order_by("pk").values_list("kind", "owner_id", "subject_id", "reader_id")
    assert list(found) == [
        ("audit_search", person, thing, boss.user_id),
        ("audit_search", None, None, boss.user_id),
    ]
    assert [act["what"] for act in find(boss, person=str(boss.user_id), kind="accounts.reading")["results"]] == [
        "audit_search", "audit_search",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "kind=orders.order",
        "since=yesterday",
        "colour=red",
        "ordering=at",
        "cursor=x",
        "page_size=101",
        f"thing={'x' * 65}",
    ],
)
def test_what_makes_no_sense_is_refused_and_not_recorded(boss, query):
    assert boss.get(f"/audit?{query}").status_code == 400
    assert not Reading.objects.using("accounts").exists()


def test_a_place_that_no_row_has_is_refused(boss):
    place = write_cursor(Place(NOW, "orders.orderhistory", "not a number"))
    assert boss.get(f"/audit?cursor={place}").status_code == 400


# The page of the admin ---------------------------------------------------------------------------------------------
PAGE = "/admin/gateway/reading/search/"


def sign_in(*roles):
    browser, person = Browser(), accounts_make.user(*roles)
    browser.force_login(person, backend="accounts.backends.EmailBackend")
    return browser, person


def test_the_page_tells_administrators_and_auditors(settings):
    made, (browser, _boss) = orders_make.order(), sign_in("admin")
    follow_people("orders", [KnowPerson(person_id=made.customer_id, name="Анна", phone="", email="", version_number=1)])
    page = browser.get(PAGE, {"thing": made.number}).content.decode()
    assert str(made.id) in page
    assert "Анна" in page
    assert '<td class="p-2" colspan' in browser.get(PAGE, {"thing": "none such"}).content.decode()
    (manager, person) = sign_in("manager")
    assert manager.get(PAGE).status_code == 403
    settings.AUDITORS = [str(person.id)]
    assert manager.get(PAGE).status_code == 200
    assert Reading.objects.using("accounts").filter(kind="audit_search").count() == 3


def test_the_page_goes_on_after_its_last_line(monkeypatch):
    monkeypatch.setattr(screen, "PAGE", 2)
    owner, (browser, _boss) = uuid7(), sign_in("admin")
    for minute in range(3):
        at = NOW - timedelta(minutes=minute)
        Reading.objects.using("orders").create(
            kind=f"k{minute}", owner_id=owner, reader_id=owner, reader_role="manager", at=at
        )
    address, seen = f"?thing={owner}&kind=orders.reading", []
    while address:
        page = browser.get(f"{PAGE}{address}").content.decode()
        seen += re.findall(r"<code>(k\d)</code>", page)
        address = html.unescape(next(iter(re.findall(r'href="(\?[^"]*cursor[^"]*)"', page)), ""))
    assert seen == ["k0", "k1", "k2"]


@pytest.mark.parametrize("query", ["cursor=x", "kind=nothing", "since=never"])
def test_the_page_refuses_what_makes_no_sense(query):
    browser, _boss = sign_in("admin")
    assert browser.get(f"{PAGE}?{query}").status_code == 400
    assert not Reading.objects.using("accounts").exists()


@pytest.mark.parametrize(("app", "trail"), TRAILS)
def test_every_trail_has_words(app, trail):
    assert set(trail.things.values()) <= screen.THINGS.keys()
    with translation.override("ru"):
        assert re.search("[а-я]", trail.words), "translate its model's name, or give it a title"
        labels = [screen._label(trail, path) for path in trail.tells]
    assert not [label for label in labels if label and not re.search("[а-яА-Я]", label)]


# Across machines ---------------------------------------------------------------------------------------------------
@pytest.fixture
def far(settings, monkeypatch):
    """Orders and payments on another machine, at the other end of a line."""
    settings.PEERS = {"orders": "http://orders:8000", "payments": "http://payments:8000"}
    settings.PEER_SECRETS = ["s" * 32]
    line = Line()
    monkeypatch.setattr(peers, "_client", lambda: line)
    monkeypatch.setattr(peers, "is_here", lambda app: app not in settings.PEERS)
    return line


def test_apps_on_other_machines_tell_the_same(boss, far, monkeypatch):
    made = orders_make.order()
    OrderHistory.objects.create(order=made, kind="edit", status=made.status, event="order.touched", at=NOW)
    there = find(boss, thing=made.number, page_size=1, until=timezone.now().isoformat())
    assert there["results"][0]["things"] == [{"kind": "order", "id": str(made.id)}]
    following = urlsplit(there["next"]).query
    rest = boss.get(f"/audit?{following}").json()["results"]
    assert {path.rsplit("/v1/")[1] for path, *_ in far.requests} >= {
        "named/orders",
        "history/orders",
        "history/payments",
    }
    monkeypatch.setattr(peers, "is_here", lambda app: True)
    assert boss.get(f"/audit?{following}").json()["results"] == rest


def test_apps_that_do_not_answer_are_named(boss, far):
    far.is_cut = True
    assert find(boss)["unanswered"] == ["orders", "payments"]
    assert find(boss, thing="2026-000001")["unanswered"] == ["orders", "payments"], "nor do they know their numbers"
