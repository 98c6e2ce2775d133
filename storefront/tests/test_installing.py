"""The shop as an app: manifest, worker, the page without a network, and the counts in its header."""

import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import find
from django.db import DatabaseError
from django.utils import timezone
from PIL import Image

from config.databases import APPS
from notifications.models import Notification
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=APPS)


def text(response):
    return response.content.decode()


@pytest.mark.parametrize(("language", "name"), [("en", "Autosalon"), ("ru", "Автосалон")])
def test_the_manifest_names_the_shop_and_icons_of_the_size_it_says(language, name):
    answer = Visitor(language=language).get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    known = json.loads(text(answer))
    assert (known["name"], known["start_url"], known["display"]) == (name, "/", "standalone")
    for icon in known["icons"]:
        with Image.open(find(icon["src"].removeprefix("/static/"))) as drawn:
            assert f"{drawn.width}x{drawn.height}" == icon["sizes"]
    assert {icon["purpose"] for icon in known["icons"]} == {"any", "maskable"}
    assert '<link rel="manifest" href="/manifest.webmanifest">' in text(Visitor().get("/contacts/"))


def test_the_worker_keeps_the_page_without_a_network_and_what_it_is_drawn_with_alone():
    answer = Visitor("client").get("/service-worker.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "no-cache" in answer["Cache-Control"]
    worker = text(answer)
    assert re.findall(r'"(/[^"]+)"', worker) == [
        "/offline/", "/static/autosalon/site.css", "/static/autosalon/favicon.svg", "/admin/", "/api/",
    ]  # fmt: skip
    assert ".put(" not in worker
    assert worker.count(".addAll(") == 1


def test_the_page_without_a_network_is_nobodys_own():
    visitor = Visitor("client")
    page = text(visitor.get("/offline/"))
    assert page == text(Visitor().get("/offline/"))
    assert visitor.user.email not in page
    assert "No connection" in page
    assert '<html lang="ru">' in text(Visitor(language="ru").get("/offline/"))


def counts(visitor):
    answer = visitor.get("/badges/")
    assert "no-store" in answer["Cache-Control"]
    return answer.json()


def test_the_header_counts_the_cart_and_unread_news_of_its_visitor():
    car, guest, buyer = make.car(), Visitor(), Visitor("client")
    assert "data-badges" not in text(guest.get("/contacts/"))
    assert counts(guest) == {"cart": 0, "news": 0}
    guest.post(f"/cart/add/{car.id}/", quantity=1)
    assert counts(guest) == {"cart": 1, "news": 0}
    assert 'data-badges="/badges/"' in text(guest.get("/contacts/"))
    Notification.objects.all().delete()
    for number, read_at in enumerate((timezone.now(), None, None)):
        Notification.objects.create(
            event_key=str(number), user_id=buyer.user.pk, channel="in_app", created_at=timezone.now(), read_at=read_at
        )
    assert counts(buyer) == {"cart": 0, "news": 2}
    assert counts(Visitor("client")) == {"cart": 0, "news": 0}


def test_a_part_that_is_away_counts_nothing(monkeypatch):
    def fail(*_, **__):
        raise DatabaseError

    monkeypatch.setattr("storefront.views.installing.count_in_cart", fail)
    assert counts(Visitor("client")) == {"cart": 0, "news": 0}


def test_the_script_is_no_inline_one():
    page = text(Visitor().get("/contacts/"))
    assert Path(find("autosalon/shell.js")).exists()
    assert '<script src="/static/autosalon/shell.js" defer></script>' in page
