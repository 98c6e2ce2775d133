"""Show templates of papers with test data, as they would be issued."""

from typing import Any

from orders.rules.paper_fields import make_sample
from orders.rules.paper_pages import print_paper, render_html
from orders.rules.paper_template import check_template, fill_in

_RARE = (
    *("buyer.company", "order.discount", "order.trade_in_surplus"),
    *("order.allowance", "order.premiums_back", "order.excess"),
)


def preview_html(*, kind: str, text: str) -> str:
    """Return a paper of a deal that never was, as HTML. Raises InvalidInput, which names the line."""
    check_template(kind, text)
    return render_html(fill_in(text, _sell_to_a_person(kind)))


def preview_pdf(*, kind: str, language: str, title: str, text: str) -> bytes:
    """Return a paper of a deal that never was, as PDF. Raises InvalidInput, which names the line."""
    check_template(kind, text)
    facts = _sell_to_a_person(kind)
    return print_paper(fill_in(text, facts), title=title or kind, author=facts["seller"]["name"], language=language)


def _sell_to_a_person(kind: str) -> dict[str, Any]:
    """Make the facts of a deal with a person that went as most do: none of what the words know of others too."""
    facts = make_sample(kind)
    for path in _RARE:
        group, _point, name = path.partition(".")
        facts[group] |= {name: ""} if name in facts[group] else {}
    return facts
