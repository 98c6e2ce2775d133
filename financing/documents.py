"""A quote to keep: its schedule as a picture, a PDF and a workbook."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from io import BytesIO
from itertools import groupby
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.fonts import REGULAR, register_fonts
from core.money import ZERO
from financing.calculations import LoanQuote, Row

MOST_BARS = 72
WIDTH, HEIGHT = 720, 200
TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def schedule_svg(quote: LoanQuote) -> str:
    """A bar a month, a year where there are many: principal below, interest above it, to the scale of roubles."""
    bars = list(_bars(quote.schedule))
    highest = max(principal + interest for _, principal, interest in bars) or Decimal(1)
    step = Decimal(WIDTH) / len(bars)
    drawn = "".join(_bar(number, step, highest, *bar) for number, bar in enumerate(bars))
    label = escape(_("Principal and interest of each payment"))
    return (
        f'<svg class="schedule-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" '
        f'preserveAspectRatio="none">{drawn}</svg>'
    )


def _bars(rows: Sequence[Row]) -> Iterator[tuple[str, Decimal, Decimal]]:
    if len(rows) <= MOST_BARS:
        yield from ((str(row.number), max(row.principal, ZERO), row.interest) for row in rows)
        return
    for year, group in groupby(rows, key=lambda row: (row.number - 1) // 12 + 1):
        months = list(group)
        principal = max(sum((row.principal for row in months), ZERO), ZERO)
        yield _("year %(number)d") % {"number": year}, principal, sum((row.interest for row in months), ZERO)


def _bar(number: int, step: Decimal, highest: Decimal, name: str, principal: Decimal, interest: Decimal) -> str:
    low, high = principal / highest * HEIGHT, interest / highest * HEIGHT
    left, width = number * step, step * Decimal("0.8")
    title = escape(f"{name}: {principal} + {interest} ₽")
    return (
        f"<g><title>{title}</title>"
        f'<rect class="bar-principal" x="{left:.2f}" y="{HEIGHT - low:.2f}" width="{width:.2f}" height="{low:.2f}"/>'
        f'<rect class="bar-interest" x="{left:.2f}" y="{HEIGHT - low - high:.2f}" '
        f'width="{width:.2f}" height="{high:.2f}"/></g>'
    )


def _summary(quote: LoanQuote) -> list[tuple[str, str]]:
    """The frame before the table: the full cost in per cent and in money comes first (353-FZ art. 6 part 1)."""
    return [
        (_("Full cost of credit (ПСК), % a year"), str(quote.psk)),
        (_("Full cost of credit, ₽"), _grouped(quote.psk_amount)),
        (_("Amount of credit, ₽"), _grouped(quote.amount_financed)),
        (_("Monthly payment, ₽"), _grouped(quote.monthly_payment)),
        (_("Interest in all, ₽"), _grouped(quote.total_interest)),
        (_("To pay in all, ₽"), _grouped(quote.total_paid)),
    ]


def _headings() -> list[str]:
    return [_("No."), _("Due on"), _("Payment, ₽"), _("Principal, ₽"), _("Interest, ₽"), _("Balance, ₽")]


def _grouped(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", "\u00a0")


def _day(day: date | None) -> str:
    return date_format(day, "SHORT_DATE_FORMAT") if day else ""


def schedule_xlsx(quote: LoanQuote) -> bytes:
    """A workbook with numbers that add up, not texts."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _("Schedule")[:31]
    for name, value in _summary(quote):
        sheet.append([name, None, value])
    sheet.append([])
    sheet.append(_headings())
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for row in quote.schedule:
        sheet.append([row.number, row.due_date, row.payment, row.principal, row.interest, row.balance])
        for cell in sheet[sheet.max_row][2:]:
            cell.number_format = "#,##0.00"
    for column in "ABCDEF":
        sheet.column_dimensions[column].width = 16
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def schedule_pdf(quote: LoanQuote) -> bytes:
    """A page or more: the full cost in a frame, then every payment."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    register_fonts()
    name = REGULAR
    title = ParagraphStyle("title", fontName=name, fontSize=15, leading=20)
    common: list[Any] = [("FONT", (0, 0), (-1, -1), name, 8), ("ALIGN", (1, 0), (-1, -1), "RIGHT")]
    frame = Table(_summary(quote), hAlign="LEFT", style=[*common, ("BOX", (0, 0), (-1, -1), 1, colors.black)])
    rows = [
        [
            str(row.number),
            _day(row.due_date),
            *(_grouped(amount) for amount in (row.payment, row.principal, row.interest, row.balance)),
        ]
        for row in quote.schedule
    ]
    line = ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey)
    table = Table([_headings(), *rows], repeatRows=1, style=[*common, line])
    file = BytesIO()
    document = SimpleDocTemplate(file, pagesize=A4, title=_("Payment schedule"), author="Autosalon")
    document.build([Paragraph(_("Payment schedule"), title), Spacer(1, 8), frame, Spacer(1, 12), table])
    return file.getvalue()
