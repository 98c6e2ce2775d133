"""Cache what anyone may read of the catalogue in Valkey, at hand and never older than the last committed write.

Products show no category of theirs, and facets show its name: each of the two has entries of its own.
"""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models.signals import post_migrate

from catalog.models import Category, Product, ProductImage
from gateway.responses.cache import Cache

cached_answers = Cache("catalog", "catalog", lambda: settings.CATALOG_CACHE_SECONDS)
PRODUCTS, CATEGORIES = "products", "categories"


def connect_signals() -> None:
    """Watch every table that the catalogue's answers are read from, and what migrations make of them."""
    cached_answers.watch(Product, lambda product: PRODUCTS)
    cached_answers.watch(ProductImage, lambda image: PRODUCTS)
    cached_answers.watch(Category, lambda category: CATEGORIES)
    post_migrate.connect(_migrated, sender=apps.get_app_config("catalog"), dispatch_uid="catalog-cache")


def forget_products() -> None:
    """Drop what shows products with the open transaction; needed by hand for writes past `save()`."""
    cached_answers.forget(PRODUCTS)


def forget_categories() -> None:
    """Drop what shows categories with the open transaction; needed by hand for writes past `save()`."""
    cached_answers.forget(CATEGORIES)


def _migrated(using: str, **_: Any) -> None:
    if using == cached_answers.alias:
        forget_products()
        forget_categories()
