"""Prepare what pages of buyers and staff are to show: deals in every state of one buyer, and work at the desk.

All of it goes through the API, as buyers and staff would send it; where each thing lies is kept in a file, so that a
second run goes on with the same.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.ids import uuid7
from tests.product import api_client, wait_for

PASSWORD = "autosalon-demo"
BUYER, MANAGER, ADMIN = "client@example.com", "manager@example.com", "admin@example.com"
MOSCOW = ZoneInfo("Europe/Moscow")
CARD = {"method": "card", "token": "tok_success"}
EMPTY_CARD = {"method": "card", "token": "tok_insufficient_funds", "on_decline": "hold"}
BORROWER = {"employment_status": "employed", "monthly_income": "320000.00", "birth_date": "1985-05-20"}
DRIVER = {"birth_date": "1985-05-20", "licence_since": "2005-06-01", "kbm": "13"}
PASSPORT = {
    "full_name": "Покупателева Анна Сергеевна", "birth_date": "1985-05-20", "birth_place": "г. Казань",
    "passport": "4512345678", "issued_by": "ОВД Примерного района", "issued_on": "2010-03-10",
    "department_code": "770-001", "address": "Москва, ул. Образцовая, д. 2", "phone": "8 900 000-00-01",
}  # fmt: skip
ENQUIRIES = (
    ("Виктория Ершова", "8 900 000-11-01", "website", "Toyota Camry: есть ли другой цвет?"),
    ("Павел Громов", "8 900 000-11-02", "phone", "Обмен на Kia Sportage"),
    ("Ирина Фомина", "8 900 000-11-03", "walk_in", "LADA Vesta в рассрочку"),
)
TEMPLATE = """Акт осмотра автомобиля

Автомобиль {{ car.name }}, VIN {{ car.vin }}, осмотрен в присутствии покупателя: {{ buyer.name }}.
"""
CARS = ("car", "beside", "third", "in_cart", "bought", "unpaid", "lent", "considered", "offered", "drafted", "ready")
"""What becomes of the cars that are chosen, from the cheapest on."""
PATIENCE_S = 120
Ids = dict[str, str]


class Caller:
    """The API of the fleet, as the demo's people call it."""

    def __init__(self, port: int) -> None:
        self.http = api_client(port)
        self.tokens: dict[str, str] = {}

    def call(self, who: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Call as one of the demo's people; returns the answer's JSON. Raises AssertionError at a refusal."""
        headers = {"Authorization": f"Bearer {self._token(who)}", "Idempotency-Key": str(uuid7())}
        answer = self.http.request(method, path, headers=headers | more.pop("headers", {}), json=body, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:600]}"
        return answer.json() if answer.content else None

    def post(self, who: str, path: str, body: Any = None) -> Any:
        """Send a body."""
        return self.call(who, "POST", path, body)

    def rows(self, who: str, path: str, **params: Any) -> list[Any]:
        """Read the first page of a list."""
        found = self.call(who, "GET", path, params=params)
        return list(found["results"] if isinstance(found, dict) else found)

    def _token(self, who: str) -> str:
        if who not in self.tokens:
            answer = self.http.post("/auth/login", json={"email": who, "password": PASSWORD})
            assert answer.is_success, answer.text
            self.tokens[who] = answer.json()["access_token"]
        return self.tokens[who]

    @cached_property
    def me(self) -> str:
        """Id of the buyer."""
        return str(self.call(BUYER, "GET", "/users/me")["id"])


def prepare(port: int, file: Path, ids: Ids) -> Iterator[str]:
    """Do all that is not done yet, and fill the ids by which pages are opened; yields what is being done."""
    ids |= json.loads(file.read_text()) if file.exists() else {}
    caller = Caller(port)
    for part in (_choose_cars, _browse, _buy, _borrow, _insure, _visit, _ask, _offer, _sell, _plan_ahead):
        if part.__name__ not in ids:
            yield part.__name__.strip("_").replace("_", " ")
            part(caller, ids)
            ids |= {part.__name__: "done", "me": caller.me}
            file.write_text(json.dumps(ids, indent=1))
    yield "a refused card"
    _be_refused(caller, ids)
    ids["loan"], ids["policy"] = (_find(caller, path) for path in ("/financing/loans", "/insurance/policies"))
    file.write_text(json.dumps(ids, indent=1))


def _choose_cars(caller: Caller, ids: Ids) -> None:
    """Choose what is looked at and sold: photographed cars of several kinds, and an accessory."""
    found = caller.rows(BUYER, "/products", kind="vehicle", in_stock="true", ordering="price", page_size=100)
    shown = [car for car in found if caller.rows(BUYER, f"/products/{car['id']}/images")]
    models = {car["model"]: car for car in sorted(shown, key=lambda car: car["condition"] == "new")}
    chosen = sorted(models.values(), key=lambda car: Decimal(car["price"]))
    assert len(chosen) >= len(CARS), f"only {len(chosen)} models are photographed"
    ids.update({name: str(car["id"]) for name, car in zip(CARS, chosen, strict=False)})
    goods = caller.rows(BUYER, "/products", kind="accessory", page_size=20)
    ids["mats"] = next(str(one["id"]) for one in goods if "Коврики" in one["name"])


def _browse(caller: Caller, ids: Ids) -> None:
    """Keep cars, a search, and a cart."""
    for name in ("car", "beside", "third"):
        caller.post(BUYER, "/favourites", {"product_id": ids[name]})
    query = {"price_max": "3500000", "body": "внедорожник 5 дв.", "in_stock": "true"}
    found = caller.post(BUYER, "/saved-searches", {"name": "Внедорожник до 3,5 млн", "query": query})
    ids["search"] = str(found["id"])
    inside = {line["product_id"] for line in caller.call(BUYER, "GET", "/cart")["items"]}
    for name in ("in_cart", "mats"):
        if ids[name] not in inside:
            caller.post(BUYER, "/cart/items", {"product_id": ids[name], "quantity": 1})


def _buy(caller: Caller, ids: Ids) -> None:
    """Buy a car by card, be refused by another, and bring a third as far as the handover."""
    ids["order"] = _order(caller, ids["bought"], extra=[ids["mats"]])
    _wait_for_order(caller, ids["order"], "paid")
    ids["payment"] = str(caller.rows(BUYER, "/payments", order_id=ids["order"])[0]["id"])
    ids["ready_order"] = _order(caller, ids["ready"])
    _wait_for_order(caller, ids["ready_order"], "paid")
    for status in ("in_progress", "ready"):
        caller.call(MANAGER, "PUT", f"/orders/{ids['ready_order']}/status", {"status": status})


def _be_refused(caller: Caller, ids: Ids) -> None:
    """Have an order whose card was refused and whose car is still held: another once the hold is over."""
    known = ids.get("unpaid_order")
    if known is None or caller.call(BUYER, "GET", f"/orders/{known}")["status"] != "awaiting_payment":
        ids["unpaid_order"] = _order(caller, ids["unpaid"], payment=EMPTY_CARD)
        _wait_for_order(caller, ids["unpaid_order"], "awaiting_payment")


def _borrow(caller: Caller, ids: Ids) -> None:
    """Borrow for a car that is bought and insured, and consider what banks offer for another."""
    down = {"down_payment": "700000.00", "term_months": 36, "financing_type": "car_loan"}
    kept = {"items": [{"product_id": ids["car"], "quantity": 1}], "financing": down | {"down_payment": "300000.00"}}
    ids["deal"] = str(caller.post(BUYER, "/orders/deal-quote", kept)["id"])
    car = caller.call(BUYER, "GET", f"/products/{ids['lent']}")
    ids["lent_order"] = _order(
        caller, ids["lent"], financing=down | BORROWER | {"auto_accept": True}, insurance=[_describe(car)]
    )
    ids["considered_order"] = _order(caller, ids["considered"], financing=down | BORROWER | {"auto_accept": False})
    ids["application"] = _find(caller, "/financing/applications", order_id=ids["considered_order"])


def _insure(caller: Caller, ids: Ids) -> None:
    """Have another car insured, and report a loss."""
    car = caller.call(BUYER, "GET", f"/products/{ids['in_cart']}")
    quoted = caller.post(BUYER, "/insurance/quotes", _describe(car) | {"insurance_type": "kasko"})
    ids["quote"] = str(quoted["id"])


def _visit(caller: Caller, ids: Ids) -> None:
    """Take a seat at what is coming, and test drives on several days."""
    happening = caller.rows(BUYER, "/events")[0]
    ids["happening"] = str(happening["id"])
    caller.post(BUYER, f"/events/{happening['id']}/register")
    cars = caller.rows(BUYER, "/test-drive-cars")
    begins = datetime.now(MOSCOW).replace(hour=11, minute=0, second=0, microsecond=0)
    for number, who in enumerate((BUYER, MANAGER, ADMIN)):
        at = begins + timedelta(days=1, hours=2 * number)
        body = {"car_id": cars[number % len(cars)]["id"], "phone": "8 900 000-00-01"}
        body |= {"start_time": at.isoformat(), "end_time": (at + timedelta(hours=1)).isoformat()}
        ids.setdefault("drive", str(caller.post(who, "/test-drives", body)["id"]))


def _ask(caller: Caller, ids: Ids) -> None:
    """Let people ask, and wait for a car that is sold."""
    for name, phone, source, note in ENQUIRIES:
        asked = caller.post(MANAGER, "/leads", {"name": name, "phone": phone, "source": source, "note": note})
        ids.setdefault("lead", str(asked["id"]))


def _offer(caller: Caller, ids: Ids) -> None:
    """Offer a car in writing, with a discount within what a manager may give alone."""
    until = (datetime.now(MOSCOW) + timedelta(days=7)).date().isoformat()
    for name in ("offered", "drafted"):
        bargain = {"product_id": ids[name], "quantity": 1, "discount": {"amount": "40000.00", "reason": "Последняя"}}
        body = {"customer_id": caller.me, "items": [bargain], "valid_until": until}
        ids[f"{name}_offer"] = str(caller.post(MANAGER, "/offers", body)["id"])
    caller.post(MANAGER, f"/offers/{ids['offered_offer']}/send")


def _sell(caller: Caller, ids: Ids) -> None:
    """Print a contract, and ask for money back that a second person has to agree to."""
    order = ids["order"]
    caller.call(MANAGER, "PUT", f"/orders/{order}/buyer-papers", PASSPORT)
    day = (datetime.now(MOSCOW) + timedelta(days=5)).strftime("%d.%m.%Y")
    car = caller.call(MANAGER, "GET", f"/products/{ids['bought']}")
    known = {"new": {"warranty.months": "36"}, "used": {"car.defects": "скол на капоте"}}[car["condition"]]
    paper = {"kind": f"sale-{car['condition']}", "details": {"car.handover_day": day} | known, "language": "ru"}
    caller.post(MANAGER, f"/orders/{order}/documents", paper)
    caller.post(
        MANAGER, f"/payments/{ids['payment']}/refund", {"amount": "600000.00", "reason": "Возврат по договорённости"}
    )


def _plan_ahead(caller: Caller, ids: Ids) -> None:
    """Plan a price, a campaign, a template and a partner's webhook."""
    at = datetime.now(MOSCOW) + timedelta(days=3)
    price = {"price": "1390000.00", "due_at": at.isoformat(), "reason": "Неделя скидок"}
    caller.post(MANAGER, f"/products/{ids['beside']}/scheduled-prices", price)
    days = {"starts_on": at.date().isoformat(), "ends_on": (at + timedelta(days=14)).date().isoformat()}
    caller.post(MANAGER, "/campaigns", {"name": "Зимняя распродажа", "percent": "3", "budget": "400000"} | days)
    drawn = {"kind": "handover", "language": "ru", "title": "Акт приёма-передачи", "text": TEMPLATE}
    ids["template"] = str(caller.post(ADMIN, "/document-templates", drawn)["id"])
    hook = {"url": "https://shop.example/in", "events": ["order.created", "order.paid"]}
    caller.post(ADMIN, "/webhooks", hook)


def _order(caller: Caller, car: str, *, extra: list[str] | None = None, **terms: Any) -> str:
    lines = [{"product_id": each, "quantity": 1} for each in (car, *(extra or ()))]
    return str(caller.post(BUYER, "/orders", {"items": lines, "payment": CARD} | terms)["id"])


def _wait_for_order(caller: Caller, order: str, status: str) -> None:
    def is_there() -> bool:
        return bool(caller.call(BUYER, "GET", f"/orders/{order}")["status"] == status)

    wait_for(is_there, PATIENCE_S, f"{order} is not {status}")


def _find(caller: Caller, path: str, **params: Any) -> str:
    rows = wait_for(lambda: caller.rows(BUYER, path, **params), PATIENCE_S, f"nothing at {path}")
    return str(rows[0]["id"])


def _describe(car: dict[str, Any]) -> dict[str, Any]:
    """Ask for OSAGO of a car on sale."""
    return {
        "insurance_type": "osago", "coverage_amount": car["price"], "vehicle_make": car["make"],
        "vehicle_model": car["model"], "vehicle_year": car["year"], "vehicle_vin": car["vin"],
        "engine_power": str(car["power_hp"]), "region": "Москва", "drivers": [DRIVER],
    }  # fmt: skip
