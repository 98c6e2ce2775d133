"""Print papers as PDF: A4 in DejaVu Sans, and the same bytes for the same content."""

from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from core.fonts import REGULAR, register_fonts

MM = 72 / 25.4
"""Points in a millimetre."""


def style(size: float, leading: float, **more: Any) -> Any:
    """Return the look of a paragraph: size and distance of its lines in points, DejaVu Sans unless told otherwise."""
    from reportlab.lib.styles import ParagraphStyle

    register_fonts()
    return ParagraphStyle("text", **{"fontName": REGULAR, "fontSize": size, "leading": leading} | more)


def paragraph(text: object, look: Any) -> Any:
    """Return a paragraph of plain text: what people wrote is never read as markup."""
    from reportlab.platypus import Paragraph

    return Paragraph(escape(str(text)), look)


def print_pages(story: list[Any], *, title: str, **page: Any) -> bytes:
    """Print paragraphs and tables on as many pages as they take.

    `page` has margins in points, author and language, and `pagesize` unless it is A4 upright.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    register_fonts()
    file = BytesIO()
    SimpleDocTemplate(file, title=title, invariant=1, **{"pagesize": A4} | page).build(story)
    return file.getvalue()
