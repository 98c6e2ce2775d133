"""A small showroom to look at: made by the services, so that it obeys every rule and is announced like real goods."""

import random
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog import services
from catalog.models import Category, Product, ProductKind

ACTOR = "demo"
_TREE = {
    "Автомобили": ("Седаны", "Кроссоверы и внедорожники", "Хэтчбеки и универсалы", "Минивэны"),
    "Аксессуары": ("Шины и диски", "Салон", "Электроника"),
    "Услуги": (),
}
_SEDAN, _SUV, _HATCH, _VAN = _TREE["Автомобили"]
# make, WMI, model, body category, engine, hp, fuel, transmission, drive, price of a new one in thousands of roubles
_MODELS = (
    ("LADA", "XTA", "Vesta", _SEDAN, "1.60", 106, "бензин", "механическая", "передний", 1550),
    ("LADA", "XTA", "Niva Travel", _SUV, "1.70", 80, "бензин", "механическая", "полный", 1420),
    ("Toyota", "XW7", "Camry", _SEDAN, "2.50", 200, "бензин", "автоматическая", "передний", 3950),
    ("Toyota", "JTM", "RAV4", _SUV, "2.00", 149, "бензин", "вариатор", "полный", 3700),
    ("Kia", "XWE", "Rio", _SEDAN, "1.60", 123, "бензин", "автоматическая", "передний", 1890),
    ("Kia", "XWE", "Sportage", _SUV, "2.00", 150, "бензин", "автоматическая", "полный", 3290),
    ("Hyundai", "Z94", "Solaris", _SEDAN, "1.60", 123, "бензин", "автоматическая", "передний", 1950),
    ("Hyundai", "Z94", "Creta", _SUV, "2.00", 149, "бензин", "автоматическая", "полный", 2650),
    ("Volkswagen", "XW8", "Polo", _HATCH, "1.60", 110, "бензин", "автоматическая", "передний", 2050),
    ("Volkswagen", "WV2", "Multivan", _VAN, "2.00", 150, "дизель", "роботизированная", "передний", 7600),
    ("Skoda", "XW8", "Octavia", _HATCH, "1.40", 150, "бензин", "роботизированная", "передний", 3150),
    ("BMW", "WBA", "5 серии", _SEDAN, "2.00", 249, "дизель", "автоматическая", "полный", 8200),
    ("BMW", "WBA", "X5", _SUV, "3.00", 249, "дизель", "автоматическая", "полный", 12400),
    ("Mercedes-Benz", "W1K", "E-Класс", _SEDAN, "2.00", 197, "бензин", "автоматическая", "задний", 8900),
    ("Audi", "WAU", "Q7", _SUV, "3.00", 249, "дизель", "автоматическая", "полный", 11200),
    ("Renault", "X7L", "Duster", _SUV, "1.60", 114, "бензин", "механическая", "полный", 2100),
    ("Haval", "LGW", "Jolion", _SUV, "1.50", 150, "бензин", "роботизированная", "передний", 2350),
    ("Chery", "LVV", "Tiggo 7 Pro", _SUV, "1.50", 147, "бензин", "вариатор", "передний", 2500),
    ("Geely", "L6T", "Monjaro", _SUV, "2.00", 238, "бензин", "автоматическая", "полный", 4500),
    ("Zeekr", "L6T", "001", _HATCH, None, 544, "электро", "автоматическая", "полный", 6900),
)  # fmt: skip
_COLORS = ("белый", "чёрный", "серебристый", "серый", "синий", "красный", "зелёный")
_BODIES = {_SEDAN: "седан", _SUV: "внедорожник 5 дв.", _HATCH: "лифтбек", _VAN: "минивэн"}
_EQUIPMENT = (
    "Климат-контроль", "Подогрев сидений", "Камера заднего вида", "Парктроник", "Круиз-контроль", "Легкосплавные диски",
    "Bluetooth", "Датчик дождя", "Светодиодные фары", "Бесключевой доступ",
)  # fmt: skip
_ACCESSORIES = (
    ("ACC-TYRES-16", "Зимние шины R16, комплект", "Шины и диски", "32900.00", 12),
    ("ACC-WHEELS-17", "Легкосплавные диски R17, комплект", "Шины и диски", "54000.00", 6),
    ("ACC-MATS", "Коврики резиновые, комплект", "Салон", "4900.00", 40),
    ("ACC-CHILD-SEAT", "Детское кресло ISOFIX, 9–36 кг", "Салон", "18500.00", 8),
    ("ACC-DASHCAM", "Видеорегистратор с двумя камерами", "Электроника", "12700.00", 15),
    ("ACC-ALARM", "Охранная система с автозапуском", "Электроника", "27400.00", 10),
)
_SERVICES = (
    ("SRV-PREPARE", "Предпродажная подготовка", "14900.00"),
    ("SRV-COATING", "Защитное покрытие кузова", "39000.00"),
    ("SRV-REGISTER", "Постановка на учёт в ГИБДД", "8500.00"),
    ("SRV-DELIVERY", "Доставка до дома, до 100 км", "12000.00"),
)
_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def create_demo(now: datetime) -> int:
    """Fill the showroom with what is not there yet; return how many products were added."""
    categories = {name: pk for parent, names in _TREE.items() for name, pk in _branch(parent, names, now).items()}
    known = set(Product.objects.present().values_list("sku", flat=True))
    added = [*_cars(categories), *_goods(categories)]
    missing = [fields for fields in added if fields["sku"] not in known]
    for fields in missing:
        services.create_product(actor=ACTOR, now=now, **fields)
    return len(missing)


def list_demo_cars() -> set[str]:
    """SKUs of the showroom's cars."""
    nowhere = dict.fromkeys(_TREE["Автомобили"], UUID(int=0))
    return {fields["sku"] for fields in _cars(nowhere)}


def describe_cars(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Describe so many more cars of the same makes, for `create_product`; the same dice throw the same cars."""
    names = Category.objects.filter(name__in=_TREE["Автомобили"]).values_list("name", "pk")
    categories = dict(names)
    return [_car(dice, dice.choice(_MODELS), dice.choice((0, 1)), categories) for _ in range(count)]


def _branch(parent: str, names: tuple[str, ...], now: datetime) -> dict[str, UUID]:
    top = _category(parent, None, now)
    return {parent: top} | {name: _category(name, top, now) for name in names}


def _category(name: str, parent_id: UUID | None, now: datetime) -> UUID:
    known = Category.objects.filter(name=name, parent_id=parent_id).first()
    category: Category = known or services.create_category(name=name, parent_id=parent_id, now=now)
    return category.id


def _cars(categories: dict[str, UUID]) -> list[dict[str, Any]]:
    dice = random.Random(2022)
    return [_car(dice, model, copy, categories) for copy in range(2) for model in _MODELS]


def _car(dice: random.Random, model: tuple[Any, ...], copy: int, categories: dict[str, UUID]) -> dict[str, Any]:
    make, wmi, name, category, engine, power, fuel, transmission, drive, thousands = model
    is_new = copy == 0 and dice.random() < 0.35
    year = dice.choice((2025, 2026)) if is_new else dice.randint(2022, 2024)
    age = 2026 - year
    price = Decimal(thousands * 1000) * Decimal("0.9") ** age + dice.randint(-20, 20) * 1000
    vin = wmi + "".join(dice.choice(_VIN_LETTERS) for _ in range(8)) + f"{dice.randint(0, 999_999):06d}"
    return {
        "sku": f"CAR-{vin[-8:]}",
        "kind": ProductKind.VEHICLE,
        "name": f"{make} {name} {year}",
        "price": price.quantize(Decimal(1000)).quantize(Decimal("0.01")),
        "category_id": categories[category],
        "make": make,
        "model": name,
        "year": year,
        "vin": vin,
        "mileage": dice.randint(5, 60) if is_new else age * dice.randint(9_000, 21_000) + dice.randint(500, 5_000),
        "condition": "new" if is_new else "used",
        "body": _BODIES[category],
        "fuel": fuel,
        "transmission": transmission,
        "drive": drive,
        "color": dice.choice(_COLORS),
        "engine_volume": Decimal(engine) if engine else None,
        "power_hp": power,
        "description": _description(make, name, is_new),
        "attributes": {
            "steering": "Левый",
            "owners": "" if is_new else dice.choice(("1 владелец", "2 владельца")),
            "title_document": "Оригинал",
            "equipment": sorted(dice.sample(_EQUIPMENT, 6)),
        },
    }


def _description(make: str, model: str, is_new: bool) -> str:
    if is_new:
        return f"Новый {make} {model} с завода: гарантия изготовителя, зимний комплект в подарок."
    return f"{make} {model} проверен по 120 пунктам: юридическая чистота, честный пробег, обслужен у дилера."


def _goods(categories: dict[str, UUID]) -> list[dict[str, Any]]:
    accessories = [
        {
            "sku": sku,
            "kind": ProductKind.ACCESSORY,
            "name": name,
            "price": Decimal(price),
            "stock": stock,
            "category_id": categories[category],
            "low_stock_threshold": 2,
        }
        for sku, name, category, price, stock in _ACCESSORIES
    ]
    return accessories + [
        {
            "sku": sku,
            "kind": ProductKind.SERVICE,
            "name": name,
            "price": Decimal(price),
            "category_id": categories["Услуги"],
        }
        for sku, name, price in _SERVICES
    ]
