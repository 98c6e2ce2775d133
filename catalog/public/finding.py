"""Find goods for staff by what a caller reads off a car or a paper."""

from catalog.models import Product
from core.screens.base import money_text
from core.screens.found import MOST, Found
from core.vin import fold_vin, is_vin


def find_goods(term: str) -> list[Found]:
    """Goods with this VIN or SKU, on sale or not; three lookups by an index at most."""
    present = Product.objects.filter(deleted_at__isnull=True)
    told = term.strip()
    found = list(present.filter(sku__in={told, told.upper()})[:MOST])
    if is_vin(fold_vin(told)):
        found += present.filter(vin=fold_vin(told))[:MOST]
    known = {product.pk: product for product in found}
    return [
        Found(product.pk, product.name, f"{product.vin or product.sku}, {money_text(product.price, product.currency)}")
        for product in known.values()
    ]
