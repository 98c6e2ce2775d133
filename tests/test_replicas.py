"""Replicas take the heaviest reads, and nobody misses what they wrote, or a page because a replica is away."""

from copy import deepcopy
from datetime import timedelta

import psycopg
import pytest
from django.db import InternalError, OperationalError, connections
from django.test import Client
from django.utils import timezone

import catalog.tests.make as goods
from catalog.models import Product
from config.databases import APPS
from config.declared import checking
from config.servers.databases import replicas
from core.db import OnReplica, transaction, wrote
from messaging.delivery import sweep
from messaging.models import Heartbeat
from messaging.upkeep.replicas import _handler, forget, fresh_for_s, read_lag, reading_from_replica
from orders.admin import figures
from tests.product import free_port

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders"], transaction=True)
ASK = "SELECT current_setting('application_name')"


@reading_from_replica("catalog")
def ask():
    """Which server answers, by each way of asking."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute(ASK)
        (name,) = cursor.fetchone()
    return name, Product.objects.count()


REPLICA, PRIMARY = "autosalon-catalog-replica", "autosalon-catalog"


def follow(app, **changes):
    """A replica of a test database: another session of the same server, which reads only."""
    given = deepcopy(connections[app].settings_dict) | changes
    given["OPTIONS"] |= {"application_name": f"autosalon-{app}-replica"}
    given["OPTIONS"]["options"] += " -c default_transaction_read_only=on"
    return given


@pytest.fixture
def replica(settings):
    settings.REPLICAS = {app: follow(app) for app in ("catalog", "orders")}
    for app in settings.REPLICAS:
        sweep.beat(app, "sweep")
    forget()


@pytest.fixture
def page():
    """What a page has in which nobody wrote."""
    token = wrote.set(set())
    yield
    wrote.reset(token)


def test_what_is_declared_reads_from_the_replica_and_nothing_else_does(replica, page):
    goods.product()
    wrote.set(set())
    assert ask() == (REPLICA, 1)
    assert ask.__wrapped__() == (PRIMARY, 1)
    assert Product.objects.get()._state.db == "catalog"


def test_writes_are_refused_there(replica, page):
    car = goods.product()
    wrote.set(set())

    @reading_from_replica("catalog")
    def write():
        with transaction("catalog"):
            car.save()

    @reading_from_replica("catalog")
    def write_past_the_door():
        Product.objects.filter(pk=car.pk).update(name="changed")

    with pytest.raises(OnReplica, match="catalog"):
        write()
    with pytest.raises(InternalError, match="read-only transaction"):
        write_past_the_door()
    assert Product.objects.get().name == car.name
    assert ask.__wrapped__()[0] == PRIMARY


def test_the_primary_is_read_in_a_transaction_after_a_write_and_outside_of_pages(replica, page):
    with transaction("orders"):
        assert ask()[0] == REPLICA, "a transaction elsewhere is none here"
    with transaction("catalog"):
        wrote.set(set())
        assert ask()[0] == PRIMARY, "what the transaction wrote is nowhere else yet"
    with transaction("catalog"):
        pass
    assert ask()[0] == PRIMARY, "this request has written"
    wrote.set(None)
    assert ask()[0] == PRIMARY, "a worker reads what is"


@pytest.mark.parametrize(("behind_s", "answers"), [(1, REPLICA), (9, REPLICA), (11, PRIMARY), (3600, PRIMARY)])
def test_a_replica_that_is_behind_is_not_read(replica, page, behind_s, answers):
    Heartbeat.objects.using("catalog").update(beat_at=timezone.now() - timedelta(seconds=behind_s))
    assert ask()[0] == answers
    assert read_lag("catalog") == pytest.approx(behind_s, abs=3)


def test_one_that_nothing_tells_the_age_of_is_not_read(replica, page):
    Heartbeat.objects.using("catalog").all().delete()
    assert ask()[0] == PRIMARY


def test_a_dead_replica_costs_nobody_an_answer(settings, replica, page):
    assert ask()[0] == REPLICA
    settings.REPLICAS = {"catalog": follow("catalog", HOST="127.0.0.1", PORT=free_port())}
    _handler.cache_clear()
    assert ask()[0] == PRIMARY, "found dead by the read itself"
    forget()
    assert [ask()[0] for _ in range(5)] == [PRIMARY] * 5


def test_one_that_dies_in_the_midst_is_read_again_from_the_primary(replica, page):
    asked = []

    @reading_from_replica("catalog")
    def read():
        asked.append(ask.__wrapped__()[0])
        if len(asked) == 1:
            with connections["catalog"].cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return "whole"

    assert (read(), asked) == ("whole", [REPLICA, PRIMARY])
    assert ask()[0] == REPLICA, "and connects anew"


def test_what_takes_too_long_there_is_not_asked_of_the_primary_too(replica, page):
    asked = []

    @reading_from_replica("catalog")
    def read():
        asked.append(1)
        with connections["catalog"].cursor() as cursor:
            cursor.execute("SET statement_timeout = 1; SELECT pg_sleep(1)")

    with pytest.raises(OperationalError) as caught:
        read()
    assert (len(asked), type(caught.value.__cause__)) == (1, psycopg.errors.QueryCanceled)


# Pages ----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def empty_replica(settings, monkeypatch):
    """A replica that shows when it is read: it has nothing."""
    template = connections["catalog"].settings_dict["TEST"]["TEMPLATE"]
    settings.REPLICAS = {"catalog": follow("catalog", NAME=template)}
    monkeypatch.setattr("messaging.upkeep.replicas.read_lag", lambda alias: 0.0)
    forget()
    yield
    from messaging.upkeep.replicas import _connection

    _connection("catalog").close()


@pytest.mark.django_db(databases=APPS, transaction=True)
def test_the_catalogue_reads_from_the_replica_and_whoever_wrote_does_not(empty_replica, settings):
    goods.product(make="Lada", model="Vesta", stock=1)
    browser = Client()
    assert "Vesta" not in browser.get("/cars/").content.decode()
    answer = browser.post("/language/", {"language": "en"})
    cookie = answer.cookies[settings.WROTE_COOKIE_NAME]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (fresh_for_s(), True, "Lax")
    assert fresh_for_s() > settings.REPLICA_LAG_S
    assert "Vesta" in browser.get("/cars/").content.decode()
    assert "Vesta" not in Client().get("/cars/").content.decode(), "another visitor's replica is not behind for them"
    assert settings.WROTE_COOKIE_NAME not in browser.get("/cars/").cookies


def test_without_replicas_nobody_gets_a_cookie(settings):
    assert settings.REPLICAS == {}
    assert settings.WROTE_COOKIE_NAME not in Client().post("/language/", {"language": "en"}).cookies


def test_sales_figures_read_from_the_replica(replica, page, monkeypatch):
    seen = []

    def look(**options):
        with connections["orders"].cursor() as cursor:
            cursor.execute(ASK)
            seen.append(cursor.fetchone()[0])
        return []

    monkeypatch.setattr(figures, "read_goods_sold", look)
    figures.read_rows(start=timezone.now().date(), end=timezone.now().date(), by="make")
    assert seen == ["autosalon-orders-replica"]


# Settings -------------------------------------------------------------------------------------------------------------
def test_a_replica_is_named_by_its_address(monkeypatch):
    monkeypatch.setenv("AUTOSALON_ORDERS_REPLICA_URL", "postgres://reader:secret@replica:5433/autosalon_orders")
    assert checking.problems() == []
    (found,) = replicas().values()
    assert (found["HOST"], found["PORT"], found["USER"], found["NAME"]) == (
        "replica",
        5433,
        "reader",
        "autosalon_orders",
    )
    assert "default_transaction_read_only=on" in found["OPTIONS"]["options"]
    monkeypatch.setenv("AUTOSALON_ORDERS_REPLICA_URL", "replica")
    assert [line.partition(":")[0] for line in checking.problems()] == ["AUTOSALON_ORDERS_REPLICA_URL"]
