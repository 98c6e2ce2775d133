"""Tell marketplaces everything that can be bought now, as YML (the XML of price aggregators) or as CSV.

Lines are made one after another from some hundreds of products at a time: a feed of a million needs no more memory
than one of a thousand. What is sold, held or not on sale yet is left out; so are services.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from urllib.parse import urljoin
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings

from catalog.models import Category, Product, ProductImage, ProductKind
from catalog.models.products import ProductQuerySet
from core.files.kept import picture_files
from core.files.tables import csv_lines
from messaging.models import OutboxEvent

CHUNK = 500
PICTURES = 10
REFRESH_S = 600
OTHERS = {ProductKind.VEHICLE: (1, "Vehicles"), ProductKind.ACCESSORY: (2, "Accessories")}
"""Numbers and names of the categories of products that have none: YML wants one for each offer."""
COLUMNS = (
    "id", "sku", "name", "make", "model", "trim", "year", "mileage", "price", "currency", "vin", "condition", "body",
    "fuel", "transmission", "drive", "color", "engine_volume", "power_hp", "description",
)  # fmt: skip
FACTS = {
    "year": "", "mileage": "km", "condition": "", "body": "", "fuel": "", "transmission": "", "drive": "", "color": "",
    "engine_volume": "l", "power_hp": "hp", "vin": "", "trim": "",
}  # fmt: skip
"""What an offer says as `param`, with its unit."""
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def feed_version(now: datetime) -> int:
    """Another number after each change of the catalogue, and at least every ten minutes; costs one row."""
    last = OutboxEvent.objects.using("catalog").order_by("-n").values_list("n", flat=True).first()
    return (last or 0) * 10**9 + int(now.timestamp()) // REFRESH_S


def yml_feed(now: datetime) -> Iterator[str]:
    """The feed as YML, line by line."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="{now:%Y-%m-%dT%H:%M:%S+00:00}">\n<shop>\n'
    name = settings.DEALER["name"]
    yield _tag("name", name[:20]) + _tag("company", name) + _tag("url", settings.PUBLIC_URL)
    yield "<currencies>\n"
    used = _for_sale().order_by().values_list("currency", flat=True).distinct()
    for currency in sorted({settings.DEFAULT_CURRENCY, *used}):
        rate = "1" if currency == settings.DEFAULT_CURRENCY else "CBRF"
        yield f'<currency id="{currency}" rate="{rate}"/>\n'
    yield "</currencies>\n<categories>\n"
    yield from _categories()
    yield "</categories>\n<offers>\n"
    for product, pictures in _offers():
        yield _offer(product, pictures)
    yield "</offers>\n</shop>\n</yml_catalog>\n"


def csv_feed() -> Iterator[str]:
    """The feed as CSV, line by line; its headers are those that imports understand."""
    return csv_lines(_csv_rows())


def _csv_rows() -> Iterator[list[object]]:
    yield [*COLUMNS, "image_url", "url"]
    for product, pictures in _offers():
        cells = ["" if (value := getattr(product, name)) is None else value for name in COLUMNS]
        yield [*cells, pictures[0] if pictures else "", _address(product)]


def _for_sale() -> ProductQuerySet:
    return Product.objects.on_sale().in_stock().exclude(kind=ProductKind.SERVICE)


def _offers() -> Iterator[tuple[Product, list[str]]]:
    """Each product with the addresses of its pictures, newest first."""
    rows = _for_sale().order_by("-id")
    chunk = list(rows[:CHUNK])
    while chunk:
        pictures = _pictures([product.pk for product in chunk])
        for product in chunk:
            yield product, pictures.get(product.pk) or ([product.image_url] if product.image_url else [])
        chunk = list(rows.filter(id__lt=chunk[-1].pk)[:CHUNK])


def _pictures(product_ids: list[UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    images = ProductImage.objects.filter(product__in=product_ids).order_by("product", "position", "id")
    for product_id, renditions in images.values_list("product_id", "renditions"):
        address = urljoin(settings.PUBLIC_URL, picture_files().url(renditions["large"]))
        found.setdefault(product_id, []).append(address)
    return found


def _categories() -> Iterator[str]:
    for number, name in OTHERS.values():
        yield f'<category id="{number}">{name}</category>\n'
    rows = Category.objects.order_by("path").values_list("id", "parent_id", "name")
    for pk, parent_id, name in rows.iterator():
        above = f' parentId="{_number(parent_id)}"' if parent_id else ""
        yield f'<category id="{_number(pk)}"{above}>{_text(name)}</category>\n'


def _number(category_id: UUID) -> int:
    """YML numbers its categories: 15 digits of the random part of the id, the same in every feed."""
    return category_id.int % 10**15


def _offer(product: Product, pictures: list[str]) -> str:
    category = _number(product.category_id) if product.category_id else OTHERS[ProductKind(product.kind)][0]
    parts = [
        f'<offer id="{product.pk}" available="true">\n',
        _tag("url", _address(product)),
        _tag("price", str(product.price)),
        _tag("currencyId", product.currency),
        _tag("categoryId", str(category)),
        *(_tag("picture", address) for address in islice(pictures, PICTURES)),
        _tag("name", product.name),
        _tag("vendor", product.make) if product.make else "",
        _tag("vendorCode", product.sku),
        _tag("model", product.model) if product.model else "",
        _tag("description", product.description[:3000]) if product.description else "",
    ]
    for name, unit in FACTS.items():
        if (value := getattr(product, name)) not in (None, ""):
            of = f' unit="{unit}"' if unit else ""
            parts.append(f"<param name={quoteattr(name)}{of}>{_text(str(value))}</param>\n")
    return "".join(parts) + "</offer>\n"


def _address(product: Product) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/cars/{product.pk}/"


def _tag(name: str, text: str) -> str:
    return f"<{name}>{_text(text)}</{name}>\n"


def _text(text: str) -> str:
    """Escaped, without the characters that no XML document may hold."""
    return escape(_FORBIDDEN.sub("", text))
