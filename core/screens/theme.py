"""Give the admin the shop's name, colours and links, so that both look like one house."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

TERRACOTTA = {
    "50": "oklch(97.5% .013 40)",
    "100": "oklch(94.5% .03 38)",
    "200": "oklch(89% .06 37)",
    "300": "oklch(81.5% .1 36)",
    "400": "oklch(71% .155 35)",
    "500": "oklch(61% .18 34)",
    "600": "oklch(52.5% .175 33)",
    "700": "oklch(46.5% .155 33)",
    "800": "oklch(40.5% .13 33)",
    "900": "oklch(36% .105 34)",
    "950": "oklch(26% .075 34)",
}
"""The shop's own colour in the theme's steps; white on step 600 has a contrast of 5.9."""


def describe_theme(*, has_shop: bool) -> dict[str, Any]:
    """Return the theme's settings; what leads into the shop's pages is there only where they are served."""
    return {
        "SITE_TITLE": _("Autosalon"),
        "SITE_HEADER": _("Autosalon"),
        "SITE_SYMBOL": "directions_car",
        "SITE_FAVICONS": [
            {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("autosalon/favicon.svg")},
        ],
        "STYLES": [lambda request: static("autosalon/admin.css")],
        "COLORS": {"primary": TERRACOTTA},
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
    } | (_into_the_shop() if has_shop else {"SHOW_LANGUAGES": False})


def _into_the_shop() -> dict[str, Any]:
    return {
        "SITE_DROPDOWN": [
            {"icon": "view_kanban", "title": _("Board"), "link": reverse_lazy("storefront:board")},
            {"icon": "storefront", "title": _("Storefront"), "link": reverse_lazy("storefront:home")},
        ],
        "SHOW_LANGUAGES": True,
        "LANGUAGES": {"action": reverse_lazy("storefront:language")},
        "DASHBOARD_CALLBACK": "storefront.desk.morning.show",
        "COMMAND": {"search_callback": "storefront.desk.searching.find"},
    }
