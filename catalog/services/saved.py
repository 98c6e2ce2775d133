"""Keep what clients save: searches that tell them of new cars, and favourites."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from catalog.errors import TooMuchSaved, UnknownProduct
from catalog.models import Favourite, Product, SavedSearch
from core.db import transaction
from core.errors import NotFound

MOST_SEARCHES = 50
MOST_FAVOURITES = 500


def save_search(
    *, user_id: UUID, name: str, query: Mapping[str, Any], is_notifying: bool = True, now: datetime
) -> SavedSearch:
    """Keep a search; of cars that come from now on its owner is told. Raises TooMuchSaved."""
    with transaction("catalog"):
        if SavedSearch.objects.filter(user_id=user_id).count() >= MOST_SEARCHES:
            raise TooMuchSaved
        return SavedSearch.objects.create(
            user_id=user_id,
            name=name,
            query=dict(query),
            is_notifying=is_notifying,
            seen_until=now,
            created_at=now,
        )


def delete_search(*, user_id: UUID, search_id: UUID) -> None:
    """Forget a search of one's own. Raises NotFound."""
    with transaction("catalog"):
        if not SavedSearch.objects.filter(pk=search_id, user_id=user_id).delete()[0]:
            raise NotFound


def look_at_search(*, user_id: UUID, search_id: UUID) -> SavedSearch:
    """Its owner has looked at what a search finds: nothing of it is new any more. Raises NotFound."""
    with transaction("catalog"):
        saved: SavedSearch | None = (
            SavedSearch.objects.select_for_update().filter(pk=search_id, user_id=user_id).first()
        )
        if saved is None:
            raise NotFound
        if saved.new_count:
            saved.new_count = 0
            saved.save(update_fields=["new_count"])
    return saved


def add_favourite(*, user_id: UUID, product_id: UUID, now: datetime) -> Favourite:
    """Keep an eye on a product; once is enough. Raises UnknownProduct, TooMuchSaved."""
    with transaction("catalog"):
        if not Product.objects.on_sale().filter(pk=product_id).exists():
            raise UnknownProduct
        if Favourite.objects.filter(user_id=user_id).count() >= MOST_FAVOURITES:
            raise TooMuchSaved
        favourite: Favourite = Favourite.objects.get_or_create(
            user_id=user_id, product_id=product_id, defaults={"created_at": now}
        )[0]
    return favourite


def remove_favourite(*, user_id: UUID, product_id: UUID) -> None:
    """Take a product off one's favourites. Raises NotFound."""
    with transaction("catalog"):
        if not Favourite.objects.filter(user_id=user_id, product_id=product_id).delete()[0]:
            raise NotFound
