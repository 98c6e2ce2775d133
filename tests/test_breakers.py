"""Circuit breakers: a dead database or provider costs its own callers a fast refusal, and nobody else anything."""

import statistics
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import OperationalError, connections

from config.health import examination
from core.db import transaction
from core.outside.breakers import Breaker, Policy
from core.testing import Api, token_for
from gateway.guards import breakers
from tests.live import Cable, Web, database_url
from tests.product import wait_for

POLICY = Policy(failures=3, cool_s=10, longest_s=30, probe_s=5)
ALL = [alias for alias in settings.DATABASES if alias != "default"]


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for call in "abc":
        breaker = breaker.fail(call, now, POLICY)
    return breaker


def test_different_calls_in_a_row_open_it_one_call_tried_often_does_not():
    breaker = Breaker()
    for _ in range(10):
        breaker = breaker.fail("a", 0, POLICY)
    assert breaker.state == "closed"
    assert breaker.fail("b", 0, POLICY).fail("c", 0, POLICY).state == "open"
    assert breaker.fail("b", 0, POLICY).succeed().fail("c", 0, POLICY).fail("d", 0, POLICY).state == "closed"


def test_open_it_refuses_until_one_probe_may_go_and_the_probe_decides():
    assert opened().ask(4, POLICY)[1] == 6
    half, wait = opened().ask(10, POLICY)
    assert (half.state, wait) == ("half_open", 0)
    assert half.ask(11, POLICY)[1] == 4, "one probe at a time"
    assert half.ask(15, POLICY)[1] == 0, "a probe that was lost is followed by another"
    assert half.succeed() == Breaker()
    again = half.fail("d", 12, POLICY)
    assert (again.state, again.until) == ("open", 32), "twice as long the second time"
    assert again.ask(32, POLICY)[0].fail("e", 32, POLICY).until == 62, "never longer than the longest"


def test_what_was_already_on_its_way_does_not_prolong_it():
    assert opened().fail("late", 9, POLICY) == opened()


def fail_until_open(name: str) -> None:
    for number in range(settings.BREAKER_FAILURES):
        assert breakers.ask(name) == 0
        breakers.failed(name, str(number))


def test_a_providers_breaker_is_shared_and_lets_one_of_many_probe(settings):
    settings.BREAKER_COOL_S = 0
    fail_until_open("bank")
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(lambda _: breakers.ask("bank"), range(20)))
    assert waits.count(0) == 1
    breakers.answered("bank")
    assert breakers.ask("bank") == 0


def test_the_guard_refuses_at_once_and_counts_only_faults(settings):
    settings.BREAKER_COOL_S = 60
    for _ in range(settings.BREAKER_FAILURES):
        with pytest.raises(ValueError, match="declined"), breakers.provider("bank", faults=(OSError,)):
            raise ValueError("declined")
    for _ in range(settings.BREAKER_FAILURES):
        with pytest.raises(ConnectionError), breakers.provider("bank", faults=(OSError,)):
            raise ConnectionError
    with pytest.raises(breakers.ProviderAway) as refusal, breakers.provider("bank"):
        raise AssertionError("called")
    assert refusal.value.retry_after == 60
    with breakers.provider("another bank"):
        pass


def test_without_valkey_each_process_counts_for_itself(settings, monkeypatch):
    settings.BREAKER_COOL_S = 60
    dead = redis.Redis(unix_socket_path="/nonexistent/valkey", retry=None)
    monkeypatch.setattr(breakers, "client", lambda: dead)
    monkeypatch.setattr(breakers, "_local", {})
    fail_until_open("bank")
    assert 0 < breakers.ask("bank") <= 60
    rows = {row["name"]: row for row in breakers.standing()}
    assert (rows["bank"]["state"], rows["bank"]["scope"]) == ("open", "process")


def test_health_and_metrics_show_it(settings, db_of_all):
    settings.BREAKER_COOL_S = 60
    fail_until_open("bank")
    client = Api().client
    examination.forget()
    ready = client.get("/health/ready", REMOTE_ADDR="127.0.0.1")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert ready.json()["services"]["bank"] == {"status": "down", "breaker": "open"}
    assert ready.json()["services"]["payments"]["breaker"] == "closed"
    metrics = client.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
    assert 'breaker_state{kind="provider",name="bank",scope="shared"} 2.0' in metrics
    assert 'breaker_state{kind="database",name="payments",scope="process"} 0.0' in metrics


@pytest.fixture
def db_of_all(request):
    request.applymarker(pytest.mark.django_db(databases=ALL, transaction=True))
    request.getfixturevalue("transactional_db")


@pytest.mark.proof
@pytest.mark.django_db(databases=ALL, transaction=True)
def test_a_dead_database_costs_only_its_own_endpoints_and_little():
    cable = Cable(connections["payments"].settings_dict["HOST"])
    headers = {"Authorization": f"Bearer {token_for()}"}
    with Web({"AUTOSALON_PAYMENTS_DATABASE_URL": database_url("payments", cable.folder)}) as web:
        assert web.http.get("/payments", headers=headers).status_code == 200
        cable.cut()
        refusals = [web.http.get("/payments", headers=headers) for _ in range(30)]
        assert {answer.status_code for answer in refusals} == {503}, web.log.read_text()
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refusals)
        assert refusals[0].headers["Content-Type"] == "application/problem+json"
        took = [answer.elapsed.total_seconds() for answer in refusals[10:]]
        assert statistics.median(took) < 0.05, took
        for path in ("/orders", "/products", "/financing/loans", "/notifications"):
            assert web.http.get(path, headers=headers).status_code == 200, path
        ready = web.http.get(f"http://127.0.0.1:{web.port}/health/ready").json()
        assert ready["status"] == "degraded"
        assert ready["services"]["payments"]["status"] == "down"
        assert ready["services"]["payments"]["breaker"] in ("open", "half_open")
        assert ready["services"]["orders"]["status"] == "ok"
        cable.join()
        wait_for(lambda: web.http.get("/payments", headers=headers).status_code == 200, 60, "it never closes")
        ready = web.http.get(f"http://127.0.0.1:{web.port}/health/ready").json()
        assert ready["services"]["payments"]["breaker"] == "closed"


@pytest.mark.proof
@pytest.mark.django_db(databases=ALL, transaction=True)
def test_a_server_that_restarted_costs_no_request():
    cable = Cable(connections["payments"].settings_dict["HOST"])
    headers = {"Authorization": f"Bearer {token_for()}"}

    def ask(_: int) -> int:
        return web.http.get("/payments", headers=headers).status_code

    env = {"AUTOSALON_PAYMENTS_DATABASE_URL": database_url("payments", cable.folder)}
    with Web(env) as web, ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(64))) == {200}
        cable.cut()
        cable.join()
        assert set(pool.map(ask, range(64))) == {200}


def backend_pid() -> int:
    with connections["payments"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def end_backend(pid: int) -> None:
    """End a session from another one, and wait until it is gone."""
    given = connections["payments"].settings_dict
    with psycopg.connect(host=given["HOST"], user="postgres", dbname=given["NAME"], autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.django_db(databases=["payments"], transaction=True)
def test_a_connection_cut_between_transactions_is_replaced_and_one_cut_inside_is_not():
    pid = backend_pid()
    end_backend(pid)
    assert backend_pid() != pid
    with pytest.raises(OperationalError):
        lose_the_connection_in_a_transaction()
    assert backend_pid()


@transaction("payments")
def lose_the_connection_in_a_transaction() -> None:
    end_backend(backend_pid())
    backend_pid()
