"""Make what the storefront's tests stand on: visitors with a session, and cars on sale."""

from decimal import Decimal
from itertools import count
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.services import create_user
from catalog.public import ProductView, get_product
from catalog.services import create_product
from messaging.testing import drain_outbox

PASSWORD = "correct-horse-battery"
_number = count(1)


def car(*, is_known: bool = True, **fields: Any) -> ProductView:
    """A car on sale; `is_known` to orders as well."""
    given = {
        "sku": f"CAR-{next(_number)}",
        "make": "Skoda",
        "model": "Octavia",
        "year": 2018,
        "price": Decimal("1745000.00"),
        "mileage": 19851,
        "condition": "used",
        "body": "лифтбек",
        "color": "синий",
        "fuel": "бензин",
        "engine_volume": Decimal("1.60"),
        "power_hp": 110,
        "attributes": {"equipment": ["ABS", "ESP"]},
    } | fields
    product = create_product(kind="vehicle", actor="test", now=timezone.now(), **given)
    if is_known:
        drain_outbox("catalog", "orders")
    shown = get_product(product.id)
    assert shown is not None
    return shown


class Visitor:
    """A browser without scripts: it follows links and sends the forms it was given."""

    def __init__(self, *roles: str, language: str = "en") -> None:
        self.client = Client(headers={"Accept-Language": language})
        self.user: Any = None
        if roles:
            self.user = create_user(
                email=f"visitor{next(_number)}@example.com", password=PASSWORD, roles=roles, now=timezone.now()
            )
            self.client.force_login(self.user, backend="accounts.backends.EmailBackend")

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def post(self, path: str, **data: Any) -> Any:
        return self.client.post(path, data)

    def buy(self, car: ProductView, **changes: Any) -> Any:
        """Open the car's page and send its form; `changes` replace fields."""
        form = hidden_fields(self.get(f"/cars/{car.id}/"), "key", "expected_total")
        form |= {"method": "card", "token": "tok_success"} | changes
        return self.post(f"/cars/{car.id}/buy/", **form)


def hidden_fields(page: Any, *names: str) -> dict[str, str]:
    """Values of a page's hidden inputs."""
    html = page.content.decode()
    return {name: html.split(f'name="{name}" value="')[1].split('"')[0] for name in names}
