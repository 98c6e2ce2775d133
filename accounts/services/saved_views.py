"""Views of the admin's lists that members of staff keep under a name."""

import re
import unicodedata
from datetime import datetime
from urllib.parse import unquote_plus
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Lower

from accounts.errors import SavedViewNotFound, SharingNotAllowed, TooManyViews, UnfitViewName, ViewNameTaken
from accounts.models import SavedView, User
from accounts.rules.list_queries import normalise_query
from core.db import transaction

MOST_VIEWS = 20
"""Views that one person keeps of one list: all of them stand above it."""
LONGEST_NAME = 60
PHONE_TAIL = 10
"""Digits of a phone after the code of its country, which people write in several ways."""


def save_view(*, user_id: UUID, listing: str, name: str, query: str, is_shared: bool, now: datetime) -> SavedView:
    """Keep the present choices of a list; the screen has said that they are its own.

    Raises UnfitViewName, UnfitListQuery, ViewNameTaken, TooManyViews, SharingNotAllowed.
    """
    view = SavedView(
        user_id=user_id,
        listing=listing,
        name=_read_name(name),
        query=normalise_query(query),
        is_shared=is_shared,
        created_at=now,
        updated_at=now,
    )
    with transaction("accounts"):
        _require_right(user_id, is_shared=is_shared)
        if SavedView.objects.filter(user_id=user_id, listing=listing).count() >= MOST_VIEWS:
            raise TooManyViews
        _require_free_name(view)
        view.save(force_insert=True)
    return view


def change_view(*, user_id: UUID, view_id: UUID, name: str, is_shared: bool, now: datetime) -> SavedView:
    """Rename one's own view, share it or take it back.

    Raises SavedViewNotFound, UnfitViewName, ViewNameTaken, SharingNotAllowed.
    """
    read = _read_name(name)
    with transaction("accounts"):
        _require_right(user_id, is_shared=is_shared)
        view = _lock(user_id, view_id)
        view.rename(read, is_shared=is_shared, now=now)
        _require_free_name(view)
        view.save()
    return view


def delete_view(*, user_id: UUID, view_id: UUID) -> None:
    """Delete one's own view. Raises SavedViewNotFound."""
    with transaction("accounts"):
        _lock(user_id, view_id).delete()


def _lock(user_id: UUID, view_id: UUID) -> SavedView:
    view = SavedView.objects.select_for_update().filter(pk=view_id, user_id=user_id).first()
    if view is None:
        raise SavedViewNotFound
    return view


def _require_right(user_id: UUID, *, is_shared: bool) -> None:
    """Lock the person, whose views are counted; only who works here shows anything to colleagues."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if is_shared and not user.is_staff:
        raise SharingNotAllowed


def _require_free_name(view: SavedView) -> None:
    """Refuse a name that another view of the same list has; the lock on its owner keeps the answer true."""
    others = SavedView.objects.filter(user_id=view.user_id, listing=view.listing).exclude(pk=view.pk)
    if others.annotate(folded=Lower("name")).filter(folded=Lower(Value(view.name))).exists():
        raise ViewNameTaken


def _read_name(name: str) -> str:
    read = " ".join(unicodedata.normalize("NFC", name).split())
    if not 0 < len(read) <= LONGEST_NAME or not read.isprintable():
        raise UnfitViewName
    return read


def forget_views_about(person: User) -> None:
    """Delete whatever colleagues keep under, or search by, what tells of somebody who is being erased."""
    names, phone = person.full_name.split(), re.sub(r"\D", "", person.phone)[-PHONE_TAIL:]
    told = {person.email, person.username, " ".join(names), " ".join(reversed(names)), phone} - {""}
    kept = SavedView.objects.values_list("pk", "name", "query")
    about = [pk for pk, name, query in kept if _tells(f"{name} {unquote_plus(query)}", told)]
    SavedView.objects.filter(pk__in=about).delete()


def _tells(text: str, told: set[str]) -> bool:
    folded = text.casefold()
    return any(each.casefold() in folded for each in told)
