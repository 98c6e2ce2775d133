"""Write the tables of states, actions and roles, and of the checkout's legs, into the documentation."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from core.events import Message
from orders.rules.machine import table
from orders.services.legs import LEGS
from orders.services.legs.base import Answer, Leg

BEGIN, END = "<!-- legs: by manage.py order_states -->\n", "<!-- end of legs -->\n"
HEAD = "| Leg | Asks | Answers | Deadline | Undone by | A manager may |\n| --- | --- | --- | --- | --- | --- |\n"


def legs_table() -> str:
    """Return the legs of a checkout as a table in Markdown, in the order in which they run."""
    return HEAD + "".join(_row(leg) for leg in LEGS.values())


def with_legs(page: str) -> str:
    """Return a page with the table of legs between its marks. Raises ValueError where it has none."""
    before, rest = page[: page.index(BEGIN)], page[page.index(END) :]
    return f"{before}{BEGIN}{legs_table()}{rest}"


def _row(leg: Leg) -> str:
    answers: dict[Answer, list[str]] = {}
    for event, answer in leg.answers.items():
        answers.setdefault(answer, []).append(f"`{event.type}`")
    taken = "; ".join(f"{', '.join(names)}: {_leads_to(answer)}" for answer, names in answers.items())
    undone = _names(leg.takes_back) or (_first(leg.release) if leg.is_released_alone else "–")
    cells = (
        f"`{leg.kind}`",
        _names(leg.asks) or _first(leg.ask),
        taken or "–",
        _span(leg.deadline),
        undone,
        ", ".join(["retry", "take_over", "cancel", *leg.steers]),
    )
    return f"| {' | '.join(cells)} |\n"


def _names(commands: Iterable[type[Message]]) -> str:
    return ", ".join(f"`{command.__module__.partition('.')[0]}.{command.__name__}`" for command in commands)


def _first(method: Any) -> str:
    return str(method.__doc__).split(".")[0].lower()


def _leads_to(answer: Answer) -> str:
    """Name the steps that an answer may lead to: `AskAgain` is "ask again"."""
    words = [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", step.__name__).lower() for step in answer.steps]
    return " or ".join(words) or "noted"


def _span(span: timedelta | None) -> str:
    if span is None:
        return "none"
    minutes = int(span.total_seconds()) // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


class Command(BaseCommand):
    help = "Write docs/order-states.md from the order's state machine, and the legs into docs/architecture.md."

    def handle(self, *args: Any, **options: Any) -> None:
        states, legs = (settings.BASE_DIR / "docs" / name for name in ("order-states.md", "architecture.md"))
        states.write_text(table(), encoding="utf-8")
        legs.write_text(with_legs(legs.read_text(encoding="utf-8")), encoding="utf-8")
        self.stdout.write(f"{states}\n{legs}")
