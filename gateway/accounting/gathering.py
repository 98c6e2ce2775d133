"""Gather what apps hand over to accounting, section by section."""

from collections.abc import Iterator
from itertools import chain

from django.conf import settings

from core.files.accounting import Contribution, Paper, Section, Span
from core.plugins import plugins

READING = "accounting_{section}"
"""Kind of the trace that a reading of a section leaves."""


def contributions() -> dict[Section, tuple[str, Contribution]]:
    """Every section that a served app hands over, with the app, in the order of the sections."""
    found = {
        item.section: (app, item)
        for app, plugin in plugins().items()
        for item in plugin.accounting
        if app in settings.SERVICES
    }
    return {section: found[section] for section in Section if section in found}


def list_missing() -> list[str]:
    """Sections that no app served here hands over."""
    return [section.value for section in Section if section not in contributions()]


def read_all(span: Span) -> Iterator[Paper]:
    """Every paper of every section, one section after another."""
    return chain.from_iterable(item.read(span) for _app, item in contributions().values())
