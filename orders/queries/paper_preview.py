"""Show templates of papers with test data, as they would be issued."""

from orders.rules.paper_fields import make_sample
from orders.rules.paper_pages import print_paper, render_html
from orders.rules.paper_template import check_template, fill_in


def preview_html(*, kind: str, text: str) -> str:
    """Return a paper of a deal that never was, as HTML. Raises InvalidInput, which names the line."""
    check_template(kind, text)
    return render_html(fill_in(text, make_sample(kind)))


def preview_pdf(*, kind: str, language: str, title: str, text: str) -> bytes:
    """Return a paper of a deal that never was, as PDF. Raises InvalidInput, which names the line."""
    check_template(kind, text)
    filled, seller = fill_in(text, make_sample(kind)), make_sample(kind)["seller"]["name"]
    return print_paper(filled, title=title or kind, author=seller, language=language)
