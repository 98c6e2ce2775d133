"""Schedules to keep, of a calculation or of a loan: as a picture, a PDF and a workbook."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from io import BytesIO
from itertools import groupby
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.files.printing import paragraph, print_pages, style
from core.fonts import REGULAR
from core.money import ZERO
from financing.queries.borrowing import LoanPage
from financing.rules.calculations import LoanQuote

MOST_BARS = 72
WIDTH, HEIGHT = 720, 200
TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Paper:
    """A schedule to print: what stands in its frame, by name, and its payments in roubles."""

    summary: Sequence[tuple[str, str]]
    rows: Sequence[Any]


def quote_paper(quote: LoanQuote) -> Paper:
    """A calculation: the full cost in per cent and in money comes first (353-FZ art. 6 part 1)."""
    summary = [
        (_("Full cost of credit (ПСК), % a year"), str(quote.psk)),
        (_("Full cost of credit, ₽"), _grouped(quote.psk_amount)),
        (_("Amount of credit, ₽"), _grouped(quote.amount_financed)),
        (_("Monthly payment, ₽"), _grouped(quote.monthly_payment)),
        (_("Interest in all, ₽"), _grouped(quote.total_interest)),
        (_("To pay in all, ₽"), _grouped(quote.total_paid)),
    ]
    return Paper(summary, quote.schedule)


def loan_paper(page: LoanPage) -> Paper:
    """A loan as it is repaid: the instalments that count, and where it stands today."""
    loan = page.card
    summary = [
        (_("Full cost of credit (ПСК), % a year"), str(loan.psk)),
        (_("Lent, ₽"), _grouped(loan.principal)),
        (_("Rate, % a year"), f"{loan.annual_rate.normalize():f}"),
        (_("Still owed, ₽"), _grouped(loan.balance)),
        (_("As of"), _day(page.today)),
        (_("Version of the schedule"), str(loan.schedule_version)),
    ]
    return Paper(summary, page.rows)


def printed(paper: Paper, kind: str) -> bytes:
    """The schedule as a file of a kind of `TYPES`."""
    return schedule_pdf(paper) if kind == "pdf" else schedule_xlsx(paper)


def schedule_svg(rows: Sequence[Any]) -> str:
    """A bar a month, a year where there are many: principal below, interest above it, to the scale of roubles."""
    bars = list(_bars(rows))
    highest = max(principal + interest for _, principal, interest in bars) or Decimal(1)
    step = Decimal(WIDTH) / len(bars)
    drawn = "".join(_bar(number, step, highest, *bar) for number, bar in enumerate(bars))
    label = escape(_("Principal and interest of each payment"))
    return (
        f'<svg class="schedule-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" '
        f'preserveAspectRatio="none">{drawn}</svg>'
    )


def _bars(rows: Sequence[Any]) -> Iterator[tuple[str, Decimal, Decimal]]:
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


def _columns(rows: Sequence[Any]) -> dict[str, str]:
    """Names and headings of a payment's sums; fees are shown where there are any."""
    columns = {"payment": _("Payment, ₽"), "principal": _("Principal, ₽"), "interest": _("Interest, ₽")}
    if any(row.fees for row in rows):
        columns["fees"] = _("Fees, ₽")
    return columns | {"balance": _("Balance, ₽")}


def _grouped(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", "\u00a0")


def _day(day: date | None) -> str:
    return date_format(day, "SHORT_DATE_FORMAT") if day else ""


def schedule_xlsx(paper: Paper) -> bytes:
    """A workbook with numbers that add up, not texts."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _("Schedule")[:31]
    for name, value in paper.summary:
        sheet.append([name, None, value])
    columns = _columns(paper.rows)
    sheet.append([])
    sheet.append([_("No."), _("Due on"), *columns.values()])
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for row in paper.rows:
        sheet.append([row.number, row.due_date, *(getattr(row, name) for name in columns)])
        for cell in sheet[sheet.max_row][2:]:
            cell.number_format = "#,##0.00"
    for column in "ABCDEFG":
        sheet.column_dimensions[column].width = 16
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def schedule_pdf(paper: Paper) -> bytes:
    """A page or more: the full cost in a frame, then every payment."""
    from reportlab.lib import colors
    from reportlab.platypus import Spacer, Table

    title = paragraph(_("Payment schedule"), style(15, 20))
    common: list[Any] = [("FONT", (0, 0), (-1, -1), REGULAR, 8), ("ALIGN", (1, 0), (-1, -1), "RIGHT")]
    frame = Table(list(paper.summary), hAlign="LEFT", style=[*common, ("BOX", (0, 0), (-1, -1), 1, colors.black)])
    columns = _columns(paper.rows)
    rows = [
        [
            str(row.number),
            _day(row.due_date),
            *(_grouped(getattr(row, name)) for name in columns),
        ]
        for row in paper.rows
    ]
    line = ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey)
    table = Table([[_("No."), _("Due on"), *columns.values()], *rows], repeatRows=1, style=[*common, line])
    story = [title, Spacer(1, 8), frame, Spacer(1, 12), table]
    return print_pages(story, title=_("Payment schedule"), author="Autosalon")
