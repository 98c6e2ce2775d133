"""Page × caller: every cell of tests/permissions/pages.py is executed, and every address has its rows."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.databases import APPS
from core.ids import uuid7
from messaging.testing import drain_outbox
from storefront import urls
from storefront.tests.make import Visitor, car
from tests.permissions import objects, pages
from tests.permissions.pages import SIGN_IN, TOLD, YES, Page

pytestmark = pytest.mark.django_db(databases=APPS)
OBJECTS = {
    "/deals/": "/orders/deal-quote/{}",
    "/saved-searches/": "/saved-searches/{}",
    "/cart/items/": "/cart/items/{}",
    "/cart/insurance/": "/insurance/quotes/{}",
    "/queue/": "/queue/{}",
    "/orders/{}/documents/{}/": "/orders/{}/issued/{}",
    "/orders/{}/papers/": "/orders/{}/documents/{}",
    "/orders/": "/orders/{}",
    "/offers/": "/offers/{}",
    "/paid/": "/payments/{}",
    "/board/approvals/": "/approvals/{}",
    "/board/queue/": "/queue/{}",
    "/board/returns/": "/returns/{}",
    "/board/": "/orders/{}",
    "/loan-calculator/": "/financing/calculate/{}",
    "/credit/applications/{}/papers/{}": "/financing/applications/{}/documents/{}",
    "/credit/applications/": "/financing/applications/{}",
    "/credit/loans/{}/schedule": "/financing/loans/{}/schedule/{}",
    "/credit/loans/": "/financing/loans/{}",
    "/insurance/quotes/": "/insurance/quotes/{}",
    "/insurance/claims/": "/insurance/claims/{}",
    "/insurance/": "/insurance/policies/{}",
    "/events/{}/": "/events/{}/registrations/{}",
    "/test-drives/": "/test-drives/{}",
    "/notifications/": "/notifications/{}",
    "/account/data/": "/users/{}/exports/{}",
}
"""Pages by how their addresses begin, and the endpoint that shows the same object: its maker makes it."""


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False
    settings.DEBUG = True  # the demonstration's test cards


def addresses() -> set[str]:
    """Every address of the shop, but for the last one, which says that nothing is there."""
    found = [str(route.pattern) for route in urls.urlpatterns[:-1]]
    return {"/" + re.sub(r"<[^>]+>", "{}", pattern) for pattern in found}


def test_every_page_has_its_rows():
    known = {row.path for row in pages.pages()}
    assert (addresses() - known, known - addresses()) == (set(), set()), "add lines to tests/permissions/pages.py"
    assert urls.urlpatterns[-1].callback is not None
    assert urls.urlpatterns[-1].callback.__name__ == "nowhere"


def get_address(row: Page, owner: Visitor) -> str:
    """The address of an object that is the owner's."""
    if row.path.startswith(("/cars/{}", "/compare/{}", "/favourites/{}", "/cart/add/{}", "/sitemap/cars/{}")):
        ids = [str(car(is_known=False).id)]
    elif "{}" in row.path:
        start = next(start for start in OBJECTS if row.path.startswith(start))
        ids = (objects.ids_for(OBJECTS[start], owner.user.id) or [])[-2:]
        ids = ids[-1:] if start == "/account/data/" else ids
    else:
        ids = []
    path = row.path
    for one in ids:
        path = path.replace("{}", one, 1)
    return path


def judge(verdict: str, answer) -> bool:
    """Judge whether an answer is what the cell says."""
    is_led_to_sign_in = answer.status_code == 302 and answer["Location"].startswith("/sign-in/?next=")
    if verdict == SIGN_IN:
        return is_led_to_sign_in
    if verdict == TOLD:
        return answer.status_code == 302 and answer["Location"] == "/board/"
    if verdict == YES:
        return not is_led_to_sign_in and answer.status_code not in (401, 403, 404, 405) and answer.status_code < 500
    return answer.status_code == int(verdict)


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.method} {row.path}") for row in pages.pages()])
def test_every_cell_is_as_the_table_says(row, settings):
    people = {
        "anonymous": Visitor(),
        "another client": Visitor("client"),
        "staff who owe a factor": Visitor("manager"),
        "manager": Visitor("manager"),
        "admin": Visitor("admin"),
        "owner": Visitor("client"),
    }
    path = get_address(row, people["owner"])
    body = BODIES.get(row.path, lambda owner: {})(people["owner"])
    drain_outbox("orders", "payments")  # payments know the order
    for name, verdict in row.cells().items():
        settings.MFA_REQUIRED_FOR_STAFF = name == "staff who owe a factor"
        for file in (one for one in body.values() if hasattr(one, "seek")):
            file.seek(0)
        answer = people[name].get(path) if row.method == "GET" else people[name].post(path, **body)
        assert judge(verdict, answer), f"{row.method} {path} as {name}: {answer.status_code}, not {verdict}"


CARD = {"method": "card", "token": "tok_success", "key": "one"}
LOSS = {"description": "Scratched.", "amount": "1000", "occurred_at": "2026-01-01T12:00", "key": "one"}
BODIES: dict[str, Callable[[Visitor], dict[str, Any]]] = {
    "/orders/{}/return/": lambda owner: {"reason": "It pulls to the left."},
    "/cart/items/{}/": lambda owner: {"quantity": "1"},
    "/orders/{}/pay/": lambda owner: CARD,
    "/orders/{}/change/": lambda owner: {"item": str(uuid7()), "quantity": "1"},
    "/insurance/{}/claim/": lambda owner: LOSS,
    "/insurance/claims/{}/papers/": lambda owner: {
        "kind": "photo", "files": SimpleUploadedFile("scratch.jpg", b"\xff\xd8\xff a photograph"),
    },
    "/events/{}/pay/": lambda owner: CARD,
    "/notifications/read/": lambda owner: {"until": (objects.ids_for("/notifications/{}", owner.user.id) or [""])[0]},
}  # fmt: skip
"""Where an empty form would be refused before it is known whose the object is."""


@pytest.mark.parametrize("path", sorted(addresses()))
def test_no_method_is_forgotten(path, settings):
    """Refuse what the table does not name, to administrators too, or lead to the page it stands on."""
    boss = Visitor("admin")
    rows = [row for row in pages.pages() if row.path == path]
    address = get_address(rows[0], boss)
    for method in {"GET", "POST", "PUT", "DELETE"} - {row.method for row in rows}:
        answer = boss.client.generic(method, address)
        is_led_on = answer.status_code == 302 and (method == "GET" or path == "/language/")
        assert answer.status_code == 405 or is_led_on, f"{method} {path}: {answer.status_code}"
