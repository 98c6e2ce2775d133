"""Tell under which client cards a user is known in an app's database: what stands under these is theirs too."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from gateway.models import KnownAs


def get_card_ids(alias: str, user_id: UUID) -> "QuerySet[KnownAs, Any]":
    """Ids of a user's client cards, as far as an app has heard of them."""
    return KnownAs.objects.using(alias).filter(user_id=user_id).values_list("card_id", flat=True)
