"""Answer what a client keeps: saved searches and favourites, each their own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from catalog.models import Favourite, ProductSearch, SavedSearch
from catalog.public import ProductPage, get_products
from core.ids import find_uuid


@dataclass(frozen=True)
class SavedSearchView:
    """A saved search; `query` has the parameters of GET /products, `new_count` came since its owner last looked."""

    id: UUID
    name: str
    query: dict[str, Any]
    search: ProductSearch
    is_notifying: bool
    new_count: int
    created_at: datetime


def saved_searches(user_id: UUID) -> list[SavedSearchView]:
    """All saved searches of a client, newest first."""
    return [_view(saved) for saved in SavedSearch.objects.filter(user_id=user_id).order_by("-id")]


def saved_search(user_id: UUID, search_id: UUID) -> SavedSearchView | None:
    """One of a client's saved searches; None when it is not theirs."""
    saved = SavedSearch.objects.filter(pk=search_id, user_id=user_id).first()
    return _view(saved) if saved else None


def favourites(user_id: UUID, *, after: str = "", limit: int = 20) -> ProductPage:
    """A page of a client's favourites, the latest first, on sale or not; a mark that is none starts at the first."""
    rows = Favourite.objects.filter(user_id=user_id, product__deleted_at__isnull=True).order_by("-id")
    mark = find_uuid(after)
    found = list((rows.filter(id__lt=mark) if mark else rows)[: limit + 1])
    products = get_products([row.product_id for row in found[:limit]])
    items = [products[row.product_id] for row in found[:limit] if row.product_id in products]
    return ProductPage(items, str(found[limit - 1].pk) if len(found) > limit else "")


def favourite_ids(user_id: UUID, product_ids: list[UUID]) -> set[UUID]:
    """Return those of these products that are a client's favourites."""
    kept = Favourite.objects.filter(user_id=user_id, product__in=product_ids)
    return set(kept.values_list("product_id", flat=True))


def _view(saved: SavedSearch) -> SavedSearchView:
    return SavedSearchView(
        id=saved.pk,
        name=saved.name,
        query=saved.query,
        search=saved.search,
        is_notifying=saved.is_notifying,
        new_count=saved.new_count,
        created_at=saved.created_at,
    )
