"""Name people on staff's screens, and find rows by whom they are of."""

from typing import Any, ClassVar

from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.screens.base import BusinessAdmin
from core.screens.labels import display
from gateway.people.copies import find_people, get_told

CARD_PAGE = "admin:clients_client_person"
"""Page that shows all of a person, by the id that their deals name."""
LABELS: dict[str, Promise] = {
    "customer": _("customer"),
    "owner": _("assigned to"),
    "author": _("author"),
    "guest": _("guest"),
    "handler": _("handed over by"),
}


def name_person(told: dict[str, str] | None, person_id: Any) -> SafeString | str:
    """Write a person's name with the way to all of theirs, and how to reach them; somebody unknown is called so."""
    if person_id is None:
        return "–"
    name = (told or {}).get("name") or _("name unknown")
    reach = (told or {}).get("phone") or (told or {}).get("email") or ""
    try:
        page = reverse(CARD_PAGE, args=[person_id])
    except NoReverseMatch:  # where the cards are not served, a name is still a name
        return format_html("{} {}", name, reach)
    return format_html('<a href="{}">{}</a> <small class="whitespace-nowrap">{}</small>', page, name, reach)


def _show(name: str) -> Any:
    def shown(self: Any, row: Model) -> SafeString | str:
        return name_person(getattr(row, f"known_{name}", None), getattr(row, f"id_{name}", None))

    return display(description=LABELS[name])(shown)


class NamesPeople(BusinessAdmin):
    """A screen whose rows are people's: `people` maps what is shown (a key of LABELS) to the path of the person's id.

    A list names them by the statement that reads its rows, and finds by name, phone and e-mail besides.
    """

    people: ClassVar[dict[str, str]] = {}
    search_help_text = _("name, phone, e-mail or number")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls.people:
            setattr(cls, name, _show(name))

    def describe_row(self, row: Any) -> str:
        """Name a row with its people."""
        names = [(getattr(row, f"known_{name}", None) or {}).get("name") for name in self.people]
        return ", ".join([str(row), *filter(None, names)])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.with_names(super().get_queryset(request))

    def with_names(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Rows with what is known of their people, by the same statement."""
        for name, path in self.people.items():
            rows = rows.annotate(**{f"known_{name}": get_told(path), f"id_{name}": F(path)})
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the screen's own fields, and by the people whose rows they are."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        known = find_people(str(self.model._meta.app_label), search_term) if search_term else []
        for path in self.people.values() if known else ():
            found |= queryset.filter(Q(**{f"{path}__in": known}))
        return found, may_repeat

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Let other screens point at the rows of one person."""
        paths = {f"{path}{how}" for path in self.people.values() for how in ("", "__in")}
        return lookup in paths or super().lookup_allowed(lookup, value, request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *self.people]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show a person where the id stands, or first of all where the row itself has none."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        by_path = {path: name for name, path in self.people.items()}
        placed = [
            (title, {**options, "fields": self._replace(options["fields"], by_path)}) for title, options in fieldsets
        ]
        shown = {name for _title, options in placed for name in options["fields"]}
        missing = [name for name in self.people if name not in shown]
        title, options = placed[0]
        return [(title, {**options, "fields": [*missing, *options["fields"]]}), *placed[1:]]

    def _replace(self, fields: Any, by_path: dict[str, str]) -> list[Any]:
        return [
            by_path.get(name, name) if isinstance(name, str) else name for name in fields if name not in self.people
        ]
