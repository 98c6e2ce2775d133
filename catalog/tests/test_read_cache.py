"""The catalogue read from Valkey: the same for everyone, never older than the last commit, and all the same without."""

import threading
from decimal import Decimal

import pytest
import redis
from django.core.management.sql import emit_post_migrate_signal
from django.db import connections
from django.utils import timezone

from catalog import services
from catalog.api import cached as answers
from catalog.models import Product
from catalog.queries import cache
from catalog.tests import make
from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from gateway.guards import guard
from gateway.responses import cache as shared

GET = "return redis.call('GET', KEYS[1])"
pytestmark = pytest.mark.django_db(databases=["catalog"], transaction=True)


@pytest.fixture(autouse=True)
def _cached(settings):
    settings.CATALOG_CACHE_SECONDS = 60
    shared.line.rests_until = 0.0


@pytest.fixture
def made(monkeypatch):
    """Count the answers made from the database."""
    counted = []
    honest = answers._pack
    monkeypatch.setattr(answers, "_pack", lambda response: counted.append(response) or honest(response))
    return counted


def available(product, path=None, **headers):
    body = Api().get(path or f"/products/{product.pk}", **headers).json()
    shown = body.get("results", [body])
    return next(item["available"] for item in shown if item["id"] == str(product.pk))


def paths(product):
    return ["/categories", "/categories?tree=true", "/products", f"/products/{product.pk}", "/products/facets"]


def test_a_second_read_makes_nothing_and_is_the_same(made):
    category = make.category()
    product = make.product(category_id=category.pk)
    for path in [*paths(product), f"/categories/{category.pk}", "/products?q=vesta&page_size=1"]:
        first, again, clients = Api().get(path), Api().get(path), Api("client").get(path)
        assert first.status_code == 200, path
        assert first.content == again.content == clients.content
        assert first["ETag"] == again["ETag"]
        assert len(made) == 1, path
        made.clear()


def test_the_order_of_parameters_and_a_last_slash_are_no_difference(made):
    make.product()
    for path in ["/products?kind=vehicle&in_stock=true", "/products/?in_stock=true&kind=vehicle"]:
        assert len(Api().get(path).json()["results"]) == 1
    assert len(made) == 1
    assert Api().get("/products?in_stock=false&kind=vehicle").json()["results"] == []


def test_staff_neither_read_nor_fill_the_cache(made):
    product = make.product(is_active=False)
    assert Api().get("/products").json()["results"] == []
    assert [item["id"] for item in Api("manager").get("/products").json()["results"]] == [str(product.pk)]
    assert Api("manager").get(f"/products/{product.pk}").status_code == 200
    assert Api().get(f"/products/{product.pk}").status_code == 404
    assert Api().get("/products").json()["results"] == []
    assert len(made) == 1


def test_a_list_that_did_not_change_is_not_sent_again():
    product = make.product()
    for path in ["/products", "/categories", "/products/facets"]:
        tag = Api().get(path)["ETag"]
        assert Api().get(path, If_None_Match=tag).status_code == 304
    listed = Api().get("/products")["ETag"]
    make.reservation((product.pk, 1))
    assert Api().get("/products", If_None_Match=listed).status_code == 200
    assert available(product, If_None_Match='"1"') == 0


@pytest.mark.parametrize("role", ["", "client", "manager"])
def test_a_product_that_did_not_change_is_not_sent_again(role):
    product = make.product()
    api = Api(*filter(None, [role]))
    first = api.get(f"/products/{product.pk}")
    again = api.get(f"/products/{product.pk}", If_None_Match=f'"x", W/{first["ETag"]}')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    make.reservation((product.pk, 1))
    changed = api.get(f"/products/{product.pk}", If_None_Match=first["ETag"])
    assert (changed.status_code, changed.json()["available"]) == (200, 0)
    assert changed["ETag"] != first["ETag"]
    sent = Api("manager").patch(f"/products/{product.pk}", {"name": "New"}, If_Match=first["ETag"])
    assert sent.status_code == 200, sent.content
    stale = Api("manager").patch(f"/products/{product.pk}", {"name": "Newer"}, If_Match=first["ETag"])
    assert stale.status_code == 412


def test_refusals_are_not_kept(made):
    assert Api().get("/products?page_size=0").status_code == 400
    assert Api().get(f"/products/{uuid7()}").status_code == 404
    assert Api().get("/products?nonsense=1").status_code == 400
    assert made == []


def test_links_lead_to_the_host_that_was_asked(settings):
    settings.ALLOWED_HOSTS = ["*"]
    for _ in range(3):
        make.product()
    for host in ("one.example", "two.example"):
        assert host in Api().get("/products?page_size=1", Host=host).json()["next"]


@pytest.mark.parametrize("path", [None, "/products"])
def test_stock_that_is_held_sold_or_given_back_is_shown_at_once(path):
    product, order, attempt = make.product(stock=5), uuid7(), uuid7()
    ids = {"order_id": order, "attempt_id": attempt}
    assert available(product, path) == 5
    make.reservation((product.pk, 2), **ids)
    assert available(product, path) == 3
    services.sell_reservation(now=timezone.now(), **ids)
    assert available(product, path) == 3
    services.release_stock(reason="returned", now=timezone.now(), **ids)
    assert available(product, path) == 5


def change_price(product):
    services.update_product(
        product_id=product.pk,
        price=Decimal("1.00"),
        actor="tests",
        now=timezone.now(),
    )


def test_each_kind_of_write_drops_the_cached_answers():
    product, category = make.product(), make.category()

    def seen():
        listed = Api().get("/products").json()["results"]
        return [item["price"] for item in listed], [item["name"] for item in Api().get("/categories").json()["results"]]

    assert seen() == (["1500000.00"], ["Cars"])
    change_price(product)
    assert seen()[0] == ["1.00"]
    services.update_category(category_id=category.pk, name="Vans", now=timezone.now())
    assert seen()[1] == ["Vans"]
    with transaction("catalog"):
        Product.objects.filter(pk=product.pk).update(price=Decimal("2.00"))
        cache.forget_products()
    assert seen()[0] == ["2.00"]
    with transaction("catalog"), connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET price = 3")
        cursor.execute("DELETE FROM catalog_category")
        cache.forget_products()
        cache.forget_categories()
    assert seen() == (["3.00"], [])


def test_what_migrations_change_is_seen_when_they_are_done():
    product = make.product()
    assert available(product) == 1
    Product.objects.filter(pk=product.pk).update(on_hand=0)
    assert available(product) == 1, "the test proves nothing"
    emit_post_migrate_signal(verbosity=0, interactive=False, db="catalog")
    assert available(product) == 0


def test_an_answer_read_before_a_write_and_stored_after_it_is_never_shown(monkeypatch):
    """The race: a slow reader holds the old row while a writer commits."""
    product = make.product()
    begun, written = threading.Event(), threading.Event()
    made_by = answers._pack

    def slow(response):
        begun.set()
        assert written.wait(10)
        return made_by(response)

    monkeypatch.setattr(answers, "_pack", slow)
    old = []

    def read_slowly():
        old.append(available(product))
        connections.close_all()

    reader = threading.Thread(target=read_slowly)
    reader.start()
    assert begun.wait(10)
    monkeypatch.setattr(answers, "_pack", made_by)
    make.reservation((product.pk, 1))
    written.set()
    reader.join()
    assert old == [1]
    assert available(product) == 0


def test_a_writer_that_has_not_finished_keeps_the_cache_empty_though_another_has(made):
    """Two writers of different products: nothing hangs on the one that is first to end."""
    first, second = make.product(stock=1), make.product(stock=1)
    slow, quick = (shared.Drop(cache.cached_answers, cache.PRODUCTS) for _ in range(2))
    slow.lay()
    quick.lay()
    quick.take_away()
    assert available(first) == available(first) == 1
    assert len(made) == 2, "an answer was cached during a write"
    slow.take_away()
    assert available(second) == available(second) == 1
    assert len(made) == 3


def test_a_mark_of_the_dead_runs_out_although_others_write():
    path = cache.cached_answers.path(cache.PRODUCTS)
    shared.line.run("SET", path, shared.MARK + b"ab" * 12 + b"@1;", 99)
    living = shared.Drop(cache.cached_answers, cache.PRODUCTS)
    living.lay()
    assert shared.line.run(GET, path).count(b"@") == 1
    living.take_away()
    assert shared.line.run(GET, path) is None


def test_without_valkey_everything_comes_from_the_database(monkeypatch, made):
    def refuse(pool):
        raise redis.ConnectionError("away")

    product = make.product(stock=2)
    shared.line.hang_up()
    monkeypatch.setattr(guard, "own_connection", refuse)
    assert available(product) == 2
    make.reservation((product.pk, 1))
    assert available(product) == 1
    assert len(made) == 2


def test_no_seconds_keep_nothing(settings, made):
    settings.CATALOG_CACHE_SECONDS = 0
    product = make.product()
    assert available(product) == available(product) == 1
    assert len(made) == 2


def test_under_load_no_read_is_older_than_the_write_before_it():
    """Three readers and two writers: whoever reads after a hold was made sees it, or a later one."""
    products = [make.product(stock=1000) for _ in range(2)]
    held, stale, is_over = [0, 0], [], threading.Event()

    def read():
        while not is_over.is_set():
            for index, product in enumerate(products):
                expected = 1000 - held[index]
                shown = available(product, "/products")
                if shown > expected:
                    stale.append((shown, expected))
        connections.close_all()

    def write(index):
        for _ in range(15):
            make.reservation((products[index].pk, 1))
            held[index] += 1
        connections.close_all()

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(index,)) for index in range(2)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    for thread in readers:
        thread.join()
    assert held == [15, 15]
    assert stale == []
