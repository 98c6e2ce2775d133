"""The tour for newcomers: the purchase that it follows really goes that way, in that order."""

import re
import sys
from pathlib import Path

import pytest
from django.conf import settings

import catalog.tests.make
from config.databases import APPS
from core.testing import Api
from messaging.testing import drain_outbox
from orders.models import Order
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
ROOT = Path(settings.BASE_DIR)
STOP = re.compile(r"^\| \d+ \| `([\w/]+\.py)` `([\w.]+)` \|", re.MULTILINE)


def stops() -> list[tuple[str, str]]:
    """Read the (file, function) of each stop, in the order of the tour."""
    return STOP.findall((ROOT / "docs/tour.md").read_text())


class Passed:
    """Remember when each stop was first passed, in whatever thread the profile is set."""

    def __init__(self, wanted: list[tuple[str, str]]) -> None:
        self.wanted = {(str(ROOT / path), name) for path, name in wanted}
        self.order: list[tuple[str, str]] = []

    def __call__(self, frame, event, argument):
        place = (frame.f_code.co_filename, frame.f_code.co_qualname)
        if event == "call" and place in self.wanted and place not in self.order:
            self.order.append(place)


def test_the_tour_has_ten_files():
    assert len({path for path, _ in stops()}) == len(stops()) == 10


def test_a_purchase_goes_the_way_of_the_tour(running_sandbox):
    product = catalog.tests.make.product(stock=1)
    drain_outbox()
    order = {
        "items": [{"product_id": str(product.id), "quantity": 1}],
        "payment": {"method": "card", "token": "tok_success"},
    }
    passed = Passed(stops())
    sys.setprofile(passed)
    try:
        placed = Api("client").post("/orders", order)
        drain_outbox()
    finally:
        sys.setprofile(None)
    assert Order.objects.get(pk=placed.json()["id"]).status == "paid"
    assert [(str(Path(path).relative_to(ROOT)), name) for path, name in passed.order] == stops()
