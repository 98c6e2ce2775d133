"""Show every letter that the shop sends, with made-up values, in each language: in development alone."""

from csp.constants import UNSAFE_INLINE
from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.outside.letters import Letter, render_letter
from core.plugins import plugins


@require_safe
def list_letters(request: HttpRequest) -> HttpResponse:
    """List the letters of every app by their names, with their subjects in each language."""
    _require_development(request)
    letters = {language: _write_all(language) for language, _name in settings.LANGUAGES}
    names = next(iter(letters.values()))
    rows = [
        (app, name, [(language, letters[language][app, name].subject) for language in letters]) for app, name in names
    ]
    context = admin.site.each_context(request) | {"title": _("Letters"), "rows": rows}
    return render(request, "admin/letters.html", context)


@require_safe
def show_letter(request: HttpRequest, app: str, name: str, language: str, form: str) -> HttpResponse:
    """Show one letter as a mail program would: as HTML, or as plain text."""
    _require_development(request)
    letter = _write_all(language).get((app, name)) if language in dict(settings.LANGUAGES) else None
    if letter is None:
        raise Http404
    text, html = render_letter(letter)
    if form != "html":
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    shown = HttpResponse(html)
    shown._csp_update = {"style-src": [UNSAFE_INLINE]}  # type: ignore[attr-defined]
    return shown


def _write_all(language: str) -> dict[tuple[str, str], Letter]:
    return {
        (app, name): letter
        for app, plugin in plugins().items()
        if plugin.letters is not None
        for name, letter in plugin.letters(language).items()
    }


def _require_development(request: HttpRequest) -> None:
    if not settings.DEBUG or not getattr(request.user, "is_superuser", False):
        raise Http404
