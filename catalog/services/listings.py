"""Writing a price list into the catalogue: listings staged by identity, then upserted some hundreds at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from django.db import connections
from django.db.models import Model, Q

from catalog.events import ProductCreated, ProductUpdated
from catalog.models import MovementKind, PriceChange, Product, ProductKind, StockMovement
from catalog.queries.cache import forget_products
from catalog.rules.importing.rows import Listing
from catalog.services.photos import queue_photos
from catalog.services.products import product_state
from core.db import NARROW, lock, transaction
from core.importing.problems import RowProblem
from messaging.outbox import publish

CHUNK = 500
CONTENT = (
    "external_id", "name", "price", "currency", "make", "model", "year", "vin", "mileage", "condition", "body", "fuel",
    "transmission", "drive", "color", "engine_volume", "power_hp", "description", "image_url", "attributes", "trim",
    "location",
)  # fmt: skip
"""What a listing decides about a product; stock and category are not among it."""
_KEPT_WHEN_EMPTY = ("description", "image_url", "vin", "trim", "location")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Listing).decode


class Staging:
    """Listings of one file by identity: of repeats the last row stays. Lives in this connection only, on disk."""

    def __init__(self) -> None:
        with connections["catalog"].cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.catalog_staging")
            cursor.execute(
                "CREATE TEMPORARY TABLE catalog_staging (key text PRIMARY KEY, row int NOT NULL, data text NOT NULL)"
            )
            cursor.execute("CREATE INDEX catalog_staging_row ON pg_temp.catalog_staging (row)")

    def add(self, listings: Iterable[Listing]) -> None:
        """Keep listings; a later one with the same identity replaces an earlier one."""
        last = {item.key: item for item in listings}
        if not last:
            return
        rows = _encode([(item.key, item.row, item) for item in last.values()]).decode()
        with connections["catalog"].cursor() as cursor:
            cursor.execute(
                """INSERT INTO pg_temp.catalog_staging
                   SELECT e ->> 0, (e ->> 1)::int, e ->> 2 FROM json_array_elements(%s::json) AS e
                   ON CONFLICT (key) DO UPDATE SET row = excluded.row, data = excluded.data""",
                [rows],
            )

    def count(self) -> int:
        """Count the different listings."""
        with connections["catalog"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_temp.catalog_staging")
            (count,) = cursor.fetchone()
        return int(count)

    def chunks(self, *, after: int = 0) -> Iterator[list[Listing]]:
        """All listings by row, beginning after row `after`, some hundreds at a time."""
        reached = after
        while True:
            with connections["catalog"].cursor() as cursor:
                cursor.execute(
                    "SELECT row, data FROM pg_temp.catalog_staging WHERE row > %s ORDER BY row LIMIT %s",
                    [reached, CHUNK],
                )
                rows = cursor.fetchall()
            if not rows:
                return
            reached = rows[-1][0]
            yield [_decode(data) for _, data in rows]

    def drop(self) -> None:
        """Give the space back."""
        with connections["catalog"].cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.catalog_staging")


@dataclass
class Plan:
    """Writes that a chunk of listings comes to."""

    created: list[Product] = field(default_factory=list)
    updated: list[Product] = field(default_factory=list)
    prices: list[PriceChange] = field(default_factory=list)
    photos: list[Product] = field(default_factory=list)
    """Those that name a photo, or another one than before."""
    refused: list[RowProblem] = field(default_factory=list)
    unchanged: int = 0


def write_listings(
    listings: Sequence[Listing], *, actor: str, now: datetime, written: Callable[[Plan], None] = lambda plan: None
) -> Plan:
    """Create and update products, one statement a table, all or none; publishes product.created and .updated.

    A listing is matched by external id, else by VIN. One whose VIN or SKU belongs to another product is refused.
    Stock is counted in for new products only: a car that was sold since stays sold. `written` is called in the same
    transaction.
    """
    with transaction("catalog"):
        lock("catalog", "catalog.import", number=NARROW)
        plan = plan_listings(listings, actor=actor, now=now, lock=True)
        _save(plan, actor=actor, now=now)
        written(plan)
    return plan


def plan_listings(listings: Sequence[Listing], *, actor: str, now: datetime, lock: bool = False) -> Plan:
    """Decide what a chunk comes to, writing nothing."""
    index = _Index(_existing(listings, lock=lock))
    plan = Plan()
    for listing in listings:
        product = index.find(listing)
        taken = index.conflict(listing, product)
        if taken:
            plan.refused.append(RowProblem(listing.row, listing.line, *taken))
        elif product is None:
            plan.created.append(index.add(_new_product(listing, now)))
            plan.photos.append(plan.created[-1])
        elif old := _update(product, listing, now):
            plan.updated.append(index.add(product))
            if "price" in old:
                plan.prices.append(_price_change(product, old, actor, now))
            if "image_url" in old:
                plan.photos.append(product)
        else:
            plan.unchanged += 1
    return plan


class _Index:
    """The products a chunk may touch, by each of their identities."""

    def __init__(self, products: Iterable[Product]) -> None:
        self.by_external_id: dict[str, Product] = {}
        self.by_vin: dict[str, Product] = {}
        self.by_sku: dict[str, Product] = {}
        for product in products:
            self.add(product)

    def add(self, product: Product) -> Product:
        self.by_sku[product.sku] = product
        if product.external_id:
            self.by_external_id[product.external_id] = product
        if product.vin and product.is_active:
            self.by_vin[product.vin] = product
        return product

    def find(self, listing: Listing) -> Product | None:
        if listing.external_id:
            return self.by_external_id.get(listing.external_id)
        return self.by_vin.get(listing.vin)

    def conflict(self, listing: Listing, product: Product | None) -> tuple[str, str, str] | None:
        holder = self.by_vin.get(listing.vin) if listing.vin else None
        if holder is not None and holder is not product:
            return "vin", "vin_taken", f"The VIN belongs to {holder.sku}."
        if product is None and _sku(listing) in self.by_sku:
            return "sku", "sku_taken", f"Another product has the SKU {_sku(listing)}."
        return None


def _existing(listings: Sequence[Listing], *, lock: bool) -> list[Product]:
    external_ids = [item.external_id for item in listings if item.external_id]
    vins = [item.vin for item in listings if item.vin]
    skus = [_sku(item) for item in listings]
    identified = Q(external_id__in=external_ids) | Q(vin__in=vins, is_active=True) | Q(sku__in=skus)
    found = Product.objects.present().filter(identified).order_by("pk")
    return list(found.select_for_update(no_key=True) if lock else found)


def _sku(listing: Listing) -> str:
    """SKU of a product made by an import: its external id, else its VIN."""
    return f"L-{listing.external_id}"[:64] if listing.external_id else listing.vin


def _new_product(listing: Listing, now: datetime) -> Product:
    product = Product(sku=_sku(listing), kind=ProductKind.VEHICLE, on_hand=1, created_at=now, updated_at=now)
    for name, value in _content(listing).items():
        setattr(product, name, value)
    return product


def _content(listing: Listing) -> dict[str, Any]:
    content = {name: getattr(listing, name) for name in CONTENT if name != "name"}
    return content | {"name": f"{listing.make} {listing.model} {listing.year}"}


def _update(product: Product, listing: Listing, now: datetime) -> dict[str, Any]:
    """Bring a product up to its listing; return the old values of what differed."""
    old = {}
    for name, value in _content(listing).items():
        before = getattr(product, name)
        if before != value and not (name in _KEPT_WHEN_EMPTY and not value):
            old[name] = before
            setattr(product, name, value)
    if old:
        product.version, product.updated_at = product.version + 1, now
    return old


def _price_change(product: Product, old: dict[str, Any], actor: str, now: datetime) -> PriceChange:
    return PriceChange(
        product=product,
        old_price=old["price"],
        new_price=product.price,
        currency=product.currency,
        old_currency=old.get("currency", ""),
        actor=actor,
        reason="import",
        at=now,
    )


def _save(plan: Plan, *, actor: str, now: datetime) -> None:
    movements = [
        StockMovement(
            product_id=product.id, delta=1, kind=MovementKind.IMPORT, actor=actor, on_hand_after=1, created_at=now
        )
        for product in plan.created
    ]
    if products := plan.created + plan.updated:
        _write(products, update=(*CONTENT, "version", "updated_at"))
        forget_products()
    _write(movements)
    _write(plan.prices)
    queue_photos(plan.photos, now=now)
    for product in plan.created:
        publish(ProductCreated(**product_state(product)))
    for product in plan.updated:
        publish(ProductUpdated(**product_state(product)))


def _write(rows: Sequence[Model], *, update: Sequence[str] = ()) -> None:
    """Insert rows in one statement; where the id is known already, set the columns named in `update`.

    All of them travel as one JSON document, which costs a third of what arrays of columns do.
    """
    if not rows:
        return
    table = rows[0]._meta.db_table
    names = [field.attname for field in rows[0]._meta.concrete_fields if not field.generated]
    data = _encode([{name: getattr(row, name) for name in names} for row in rows]).decode()
    changes = ", ".join(f"{name} = excluded.{name}" for name in update)
    with connections["catalog"].cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {table} ({", ".join(names)})
                SELECT {", ".join(names)} FROM json_populate_recordset(NULL::{table}, %s::json)
                ON CONFLICT (id) DO {f"UPDATE SET {changes}" if changes else "NOTHING"}""",
            [data],
        )
