"""The words of papers: drafts that managers write, versions put in force from a day on, and those that are shipped.

A version in force is never changed: whoever wants other words makes the next one.
"""

from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.db.models import Max
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import Expected, lock, require_version, transaction
from core.errors import InvalidInput, NotFound
from orders.errors import NoTemplate
from orders.models import DocumentTemplate, PaperKind, PaperLanguage, TemplateState
from orders.rules.paper_template import check_template

SHIPPED = Path(__file__).resolve().parent.parent / "rules" / "papers"
"""A file for each kind under its language; the first line is the title of its version."""
SHIPPED_FROM = date(2026, 1, 1)


def create_template(
    *, kind: str, language: str, title: str, text: str, actor_id: UUID, now: datetime
) -> DocumentTemplate:
    """Keep the words of a kind as a draft, its next version. Raises InvalidInput, which names the line."""
    check_template(kind, text)
    with transaction("orders"):
        return _add(kind, language, title, text, actor_id, now)


def _add(kind: str, language: str, title: str, text: str, actor_id: UUID | None, now: datetime) -> DocumentTemplate:
    lock("orders", f"template:{kind}:{language}")
    known = DocumentTemplate.objects.filter(kind=kind, language=language).aggregate(last=Max("number"))
    return DocumentTemplate.objects.create(
        kind=kind,
        language=language,
        number=(known["last"] or 0) + 1,
        title=title,
        text=text,
        created_by=actor_id,
        created_at=now,
    )


def change_template(
    *, template_id: UUID, title: str | None = None, text: str | None = None, expected_version: Expected = None
) -> DocumentTemplate:
    """Change a draft. Raises NotFound, StaleVersion, WrongTransition (no draft) and InvalidInput."""
    with transaction("orders"):
        found = _lock(template_id, expected_version)
        found.require_draft()
        if text is not None:
            check_template(found.kind, text)
            found.text = text
        found.title = found.title if title is None else title
        found.version += 1
        found.save(update_fields=["title", "text", "version"])
    return found


def delete_template(*, template_id: UUID, expected_version: Expected = None) -> None:
    """Throw a draft away. Raises NotFound, StaleVersion, WrongTransition."""
    with transaction("orders"):
        found = _lock(template_id, expected_version)
        found.require_draft()
        found.delete()


def enforce_template(
    *, template_id: UUID, valid_from: date, actor_id: UUID, now: datetime, expected_version: Expected = None
) -> DocumentTemplate:
    """Put a draft in force from today or a later day on; what is in force until then stays so.

    Raises NotFound, StaleVersion, WrongTransition, InvalidInput (a day that is past, or has a version already).
    """
    if valid_from < dealer_day(now):
        raise InvalidInput("valid_from", "past", _("A version comes into force today or later."))
    with transaction("orders"):
        found = _lock(template_id, expected_version)
        found.require_draft()
        same = DocumentTemplate.objects.select_for_update().filter(
            kind=found.kind, language=found.language, valid_from=valid_from, state=TemplateState.IN_FORCE
        )
        if same.exists():
            raise InvalidInput("valid_from", "taken", _("Another version comes into force on this day: retire it."))
        check_template(found.kind, found.text)
        found.enforce(valid_from=valid_from, actor_id=actor_id, now=now)
        found.save()
    return found


def retire_template(*, template_id: UUID, now: datetime, expected_version: Expected = None) -> DocumentTemplate:
    """Issue nothing from a version any more; what was issued stays. Raises NotFound, StaleVersion, WrongTransition."""
    with transaction("orders"):
        found = _lock(template_id, expected_version)
        found.retire(now=now)
        found.save(update_fields=["state", "retired_at", "version"])
    return found


def _lock(template_id: UUID, expected_version: Expected) -> DocumentTemplate:
    found = DocumentTemplate.objects.select_for_update().filter(pk=template_id).first()
    if found is None:
        raise NotFound
    require_version(found.version, expected_version)
    return found


def find_template(*, kind: str, language: str, now: datetime) -> DocumentTemplate:
    """Return the version in force today; the shipped one is installed where nobody has written any.

    Raises NoTemplate, when every version is a draft, retired, or comes later.
    """
    versions = DocumentTemplate.objects.filter(kind=kind, language=language)
    found = _newest_in_force(kind, language, dealer_day(now))
    if found is None and not versions.exists():
        install_templates(now=now)
        found = _newest_in_force(kind, language, dealer_day(now))
    if found is None:
        raise NoTemplate(kind=kind, language=language)
    return found


def _newest_in_force(kind: str, language: str, day: date) -> DocumentTemplate | None:
    known = DocumentTemplate.objects.filter(
        kind=kind, language=language, state=TemplateState.IN_FORCE, valid_from__lte=day
    )
    return known.order_by("-valid_from").first()


def install_templates(*, now: datetime) -> tuple[int, int]:
    """Bring in the words that are shipped; return how many came in force, how many as drafts. Again it adds none.

    Where somebody has words of a kind already, other shipped ones come as a draft: nobody's contract changes by an
    update of the program.
    """
    in_force = drafts = 0
    for kind in PaperKind:
        for language in PaperLanguage:
            with transaction("orders"):
                installed = _install(kind, language, now)
            in_force += installed == TemplateState.IN_FORCE
            drafts += installed == TemplateState.DRAFT
    return in_force, drafts


def _install(kind: str, language: str, now: datetime) -> str:
    title, text = read_shipped(kind, language)
    lock("orders", f"template:{kind}:{language}")
    known = DocumentTemplate.objects.filter(kind=kind, language=language)
    if known.filter(is_shipped=True, text=text, title=title).exists():
        return ""
    is_first = not known.exists()
    made = _add(kind, language, title, text, None, now)
    made.is_shipped = True
    if is_first:
        made.enforce(valid_from=SHIPPED_FROM, actor_id=None, now=now)
    made.save()
    return made.state


def read_shipped(kind: str, language: str) -> tuple[str, str]:
    """Return title and text of the shipped words of a kind."""
    title, _line, text = (SHIPPED / language / f"{kind}.txt").read_text(encoding="utf-8").partition("\n")
    return title.strip(), text.strip() + "\n"
