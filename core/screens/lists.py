"""Open any list of the admin as its own address would, for what is done with the rows of a list."""

from copy import copy
from typing import cast

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, QueryDict

from core.errors import UnfitListQuery
from core.screens.base import BusinessAdmin


def find_screen(request: HttpRequest, listing: str) -> BusinessAdmin:
    """The screen of a list (`app.model`) that somebody may look at; raises Http404, PermissionDenied.

    Tables that stand in every database have pages of their own, not lists.
    """
    try:
        screen = admin.site.get_model_admin(apps.get_model(listing))
    except (LookupError, ValueError, NotRegistered) as error:
        raise Http404 from error
    if screen.opts.app_label not in settings.APPS:
        raise Http404
    if not screen.has_view_permission(request):
        raise PermissionDenied
    return cast(BusinessAdmin, screen)


def open_list(request: HttpRequest, screen: BusinessAdmin, query: str) -> ChangeList:
    """The list with the choices of a query string; it says itself whether they are its own. Raises UnfitListQuery."""
    asked = copy(request)
    asked.method, asked.GET = "GET", QueryDict(query)
    try:
        return screen.get_changelist_instance(asked)
    except (IncorrectLookupParameters, SuspiciousOperation) as error:
        raise UnfitListQuery from error
