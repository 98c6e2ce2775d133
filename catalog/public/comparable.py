"""Cars beside a car: its make's models, cars much like it, and the usual price of such cars, from the own catalogue."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import connections

from catalog.models import Product, ProductSearch
from catalog.models.facets import count_models
from catalog.models.products import ProductQuerySet
from catalog.public import ProductView, get_products

FEWEST = 5
"""Of fewer comparable cars no usual price is told: one dear car would decide it."""
READ = 500
YEARS = 1
MILEAGE_SHARE, LEAST_MILEAGE = Decimal("0.3"), 20_000
SHARE_NEAR = Decimal("0.2")
NEAREST = 40
_RANKED = ("id", "make", "model", "price")


@dataclass(frozen=True)
class UsualPrice:
    """The median list price of `count` comparable cars, in major units of the car's currency."""

    median: Decimal
    count: int


_USUAL = """
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY price), count(*) FROM (
    SELECT price FROM catalog_product
    WHERE upper(make) = upper(%s) AND upper(model) = upper(%s) AND kind = 'vehicle' AND is_active
        AND deleted_at IS NULL AND condition = %s AND currency = %s AND price > 0 AND id <> %s
        AND year BETWEEN %s AND %s AND mileage BETWEEN %s AND %s
    ORDER BY id DESC LIMIT %s
) AS comparable
"""


def models_on_sale(search: ProductSearch) -> list[tuple[str, int]]:
    """Count the models of the make that is looked for, against all other choices; none without a make."""
    return [(item.value, item.count) for item in count_models(search)]


def usual_price(car: ProductView) -> UsualPrice | None:
    """Return the usual price of cars like this one, by one statement; None where fewer than FEWEST are known.

    Comparable are the other cars of its make, model, condition and currency in the catalogue, sold ones too, at most a
    year older or younger, with a mileage within 30 per cent of its own (20,000 km at least); the newest 500 of them.
    """
    if not (car.make and car.model and car.condition and car.year) or car.mileage is None:
        return None
    margin = max(int(car.mileage * MILEAGE_SHARE), LEAST_MILEAGE)
    bounds = (car.year - YEARS, car.year + YEARS, max(car.mileage - margin, 0), car.mileage + margin)
    with connections["catalog"].cursor() as cursor:
        cursor.execute(_USUAL, [car.make, car.model, car.condition, car.currency, car.id, *bounds, READ])
        median, count = cursor.fetchone()
    return UsualPrice(median, count) if count >= FEWEST else None


def similar_cars(car: ProductView, *, limit: int) -> list[ProductView]:
    """Return cars that can be bought, of its body and within a fifth of its price: its model first, then its make.

    Among those the nearest in price come first. Two scans of the index of prices, some dozens of rows each.
    """
    least, most = car.price * (1 - SHARE_NEAR), car.price * (1 + SHARE_NEAR)
    like: ProductQuerySet = Product.objects.on_sale().in_stock().exclude(pk=car.id)
    like = like.filter(kind="vehicle", body=car.body, currency=car.currency)
    found = [
        *like.filter(price__gte=car.price, price__lte=most).order_by("price", "id").values_list(*_RANKED)[:NEAREST],
        *like.filter(price__lt=car.price, price__gte=least).order_by("-price", "-id").values_list(*_RANKED)[:NEAREST],
    ]
    ranked = sorted(
        found, key=lambda row: (row[1:3] != (car.make, car.model), row[1] != car.make, abs(row[3] - car.price))
    )
    return read_in_order([row[0] for row in ranked[:limit]])


def read_in_order(ids: list[UUID]) -> list[ProductView]:
    """Return the products on sale among these, in this order."""
    known = get_products(ids)
    return [known[one] for one in ids if one in known and known[one].is_active]
