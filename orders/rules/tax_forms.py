"""Draw tax papers by the forms in force: счёт-фактура and its correction, and УПД.

Government Decree 1137 of 26 December 2011 as amended by 26 of 23 January 2026 (appendices 1 and 2); letter of the tax
service ММВ-20-3/96@ of 21 October 2013 (appendix 1). The forms are Russian; an English copy is for a reader alone.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from core.files.printing import MM, paragraph, print_pages, style
from core.fonts import BOLD, REGULAR
from orders.models import TaxPaperKind
from orders.rules.paper_pages import draw_text
from orders.rules.tax_words import READING, quote, translate, translate_stated

Say = Callable[[str], str]
DASH = "—"
TITLES = {
    TaxPaperKind.TAX_INVOICE: "Счёт-фактура",
    TaxPaperKind.ADVANCE_INVOICE: "Счёт-фактура",
    TaxPaperKind.UPD: "Универсальный передаточный документ",
    TaxPaperKind.CORRECTION: "Корректировочный счёт-фактура",
}
_DECREE = "Приложение № {} к постановлению Правительства РФ от 26.12.2011 № 1137 (в ред. от 23.01.2026 № 26)"
_LETTER = "Приложение № 1 к письму ФНС России от 21.10.2013 № ММВ-20-3/96@"
_PIECE_CODE, _PIECE = "796", "шт"
_GOODS = (
    ("№ п/п", 8, "1"),
    ("Наименование товара (описание работ, услуг), имущественного права", 32, "1а"),
    ("Код вида товара", 10, "1б"),
    ("Ед. изм., код", 10, "2"),
    ("Условное обозн.", 13, "2а"),
    ("Количество (объём)", 14, "3"),
    ("Цена (тариф) за единицу", 21, "4"),
    ("Стоимость без налога — всего", 23, "5"),
    ("В т. ч. сумма акциза", 11, "6"),
    ("Налоговая ставка", 14, "7"),
    ("Сумма налога, предъявляемая покупателю", 21, "8"),
    ("Стоимость с налогом — всего", 22, "9"),
)
_TRACED = (
    ("Страна, код", 10, "10"),
    ("Страна", 10, "10а"),
    ("Рег. № декларации или партии", 15, "11"),
    ("Код ед. прослеж.", 12, "12"),
    ("Ед. прослеж.", 12, "12а"),
    ("Кол-во прослеж.", 12, "13"),
    ("Стоимость прослеж.", 13, "14"),
)
"""Columns of the forms: heading, width in mm, number."""
_STATUSES = {1: "счёт-фактура и передаточный документ (акт)", 2: "передаточный документ (акт)"}
_ENDS = (("Всего увеличение (сумма строк В)", "increase"), ("Всего уменьшение (сумма строк Г)", "decrease"))
_CHANGES = (
    ("before", "А (до изменения)"),
    ("after", "Б (после изменения)"),
    ("increase", "В (увеличение)"),
    ("decrease", "Г (уменьшение)"),
)


def print_tax_paper(facts: dict[str, Any], *, appendix: str = "", in_english: bool = False) -> bytes:
    """Print a tax paper across the page, an appendix on a page of its own; the same facts print the same bytes.

    In English it is a reading of the paper, and says so.
    """
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import PageBreak

    say = translate if in_english else quote
    title = say(TITLES[TaxPaperKind(facts["kind"])])
    story = _story(facts, title, say)
    if appendix:
        story += [PageBreak(), *draw_text(appendix)]
    return print_pages(
        story,
        title=f"{title} {facts['number']}", author=facts["seller"]["name"],
        lang="en" if in_english else "ru", pagesize=landscape(A4),
        leftMargin=6 * MM, rightMargin=6 * MM, topMargin=8 * MM, bottomMargin=8 * MM,
    )  # fmt: skip


def _story(facts: dict[str, Any], title: str, say: Say) -> list[Any]:
    from reportlab.platypus import Spacer

    small, text, head = style(6, 7.5, alignment=2), style(7.5, 9.5), style(11, 14, fontName=BOLD, spaceAfter=3)
    kind = facts["kind"]
    forms = [say(_DECREE).format(2 if kind == TaxPaperKind.CORRECTION else 1)]
    forms += [say(_LETTER)] if kind == TaxPaperKind.UPD else []
    story = [paragraph(READING, text)] if say is translate else []
    story.append(paragraph("; ".join(forms), small))
    if kind == TaxPaperKind.UPD:
        meaning = say(_STATUSES[facts["status"]])
        story.append(paragraph(f"{title}. {say('Статус')}: {facts['status']} — {meaning}", head))
    if kind == TaxPaperKind.CORRECTION:
        story += [_lines(_heading_of_correction(facts, say), text, say), Spacer(1, 4), _table_of_changes(facts, say)]
    else:
        story += [_lines(_heading(facts, say), text, say), Spacer(1, 4), _table_of_goods(facts, say)]
    story += [Spacer(1, 4), *(paragraph(line, text) for line in _name_grounds(facts, say)), Spacer(1, 4)]
    return story + [paragraph(line, text) for line in _signatures(facts, say)]


def _name_grounds(facts: dict[str, Any], say: Say) -> list[str]:
    """Say below the table by which law its lines bear no tax, each ground with the numbers of its lines."""
    places: dict[str, list[str]] = {}
    for place, line in enumerate(facts["lines"], 1):
        if words := line.get("before", line).get("untaxed_by"):
            places.setdefault(words, []).append(str(place))
    told = say("Без НДС, строки {}: {}")
    return [told.format(", ".join(numbers), _stated(words, say)) for words, numbers in places.items()]


def _first_lines(facts: dict[str, Any], name: str, mended: str, say: Say) -> list[tuple[str, str, str]]:
    corrected = (
        _reference(facts["mended"], facts["mended_on"], say) if facts["mended"] else say("{} от {}").format(DASH, DASH)
    )
    return [
        (name, _reference(facts["number"], facts["first_on"], say), "1"),
        (mended, corrected, "1а"),
    ]


def _heading(facts: dict[str, Any], say: Say) -> list[tuple[str, str, str]]:
    """Lines 1 to 8 of the form."""
    seller, buyer = facts["seller"], facts["buyer"]
    is_advance = facts["kind"] == TaxPaperKind.ADVANCE_INVOICE
    shipped = DASH if is_advance else say("заказ № {} от {}").format(facts["order"], _day(facts["shipped_on"]))
    advances = "; ".join(_reference(each["number"], each["first_on"], say) for each in facts["advances"]) or DASH
    return [
        *_first_lines(facts, "Счёт-фактура", "Исправление", say),
        ("Продавец", seller["name"], "2"),
        ("Адрес", seller["address"], "2а"),
        ("ИНН/КПП продавца", _pair(seller), "2б"),
        ("Грузоотправитель и его адрес", DASH if is_advance else say("он же"), "3"),
        ("Грузополучатель и его адрес", DASH if is_advance else f"{buyer['name']}, {buyer['address']}", "4"),
        ("К платёжно-расчётному документу", DASH, "5"),
        ("Документ об отгрузке", shipped, "5а"),
        ("К счёту-фактуре, выставленному при получении оплаты, частичной оплаты", advances, "5б"),
        ("Покупатель", buyer["name"], "6"),
        ("Адрес", buyer["address"], "6а"),
        ("ИНН/КПП покупателя", _pair(buyer), "6б"),
        ("Валюта: наименование, код", say("российский рубль, 643"), "7"),
        ("Идентификатор государственного контракта, договора (соглашения)", DASH, "8"),
    ]


def _heading_of_correction(facts: dict[str, Any], say: Say) -> list[tuple[str, str, str]]:
    """Lines 1 to 5 of appendix 2."""
    seller, buyer, of = facts["seller"], facts["buyer"], facts["corrects"]
    first = _first_lines(facts, "Корректировочный счёт-фактура", "Исправление корректировочного счёта-фактуры", say)
    return [
        *first,
        ("К счёту-фактуре", _reference(of["number"], of["first_on"], say), "1б"),
        ("Продавец", seller["name"], "2"),
        ("Адрес", seller["address"], "2а"),
        ("ИНН/КПП продавца", _pair(seller), "2б"),
        ("Покупатель", buyer["name"], "3"),
        ("Адрес", buyer["address"], "3а"),
        ("ИНН/КПП покупателя", _pair(buyer), "3б"),
        ("Валюта: наименование, код", say("российский рубль, 643"), "4"),
        ("Идентификатор государственного контракта, договора (соглашения)", DASH, "5"),
    ]


def _lines(rows: list[tuple[str, str, str]], text: Any, say: Say) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import Table, TableStyle

    cells = [
        [paragraph(say(name), text), paragraph(value or DASH, text), f"({number})"] for name, value, number in rows
    ]
    table = Table(cells, colWidths=[85 * MM, 185 * MM, 12 * MM])
    looks: list[Any] = [
        ("FONT", (0, 0), (-1, -1), REGULAR, 7),
        ("LINEBELOW", (1, 0), (1, -1), 0.3, colors.grey),
        *((edge, (0, 0), (-1, -1), 0.6) for edge in ("TOPPADDING", "BOTTOMPADDING")),
        ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
    ]
    table.setStyle(TableStyle(looks))
    return table


def _table_of_goods(facts: dict[str, Any], say: Say) -> Any:
    columns = (*_GOODS, *_TRACED)
    rows = [[str(place), *_cells(line, say), *[DASH] * len(_TRACED)] for place, line in enumerate(facts["lines"], 1)]
    base, vat, total = (_money(facts["totals"][name]) for name in ("base", "vat", "total"))
    base = DASH if facts["kind"] == TaxPaperKind.ADVANCE_INVOICE else base
    last = ["", say("Всего к оплате (9)"), *[""] * 5, base, "X", "X", vat, total, *[""] * len(_TRACED)]
    return _table(columns, [*rows, last], say)


def _table_of_changes(facts: dict[str, Any], say: Say) -> Any:
    columns = (_GOODS[0], _GOODS[1], ("Показатели в связи с изменением стоимости", 30, ""), *_GOODS[2:])
    rows = []
    for place, line in enumerate(facts["lines"], 1):
        for name, label in _CHANGES:
            cells = _cells(line[name], say) if name in ("before", "after") else _change(line[name])
            rows.append([str(place) if name == "before" else "", line["before"]["name"], say(label), *cells[1:]])
    for label, name in _ENDS:
        rows.append(["", say(label), "", *_change(facts["totals"][name])[1:]])
    return _table(columns, rows, say)


def _cells(line: dict[str, Any], say: Say) -> list[str]:
    """Columns 1а to 9; an advance leaves 1б to 5 empty."""
    name = _stated(line["name"], say) + (f", VIN {line['vin']}" if line["vin"] else "")
    if line["quantity"] is None:
        counted = [DASH] * 6
    else:
        counted = [DASH, _PIECE_CODE, say(_PIECE), str(line["quantity"]), _money(line["price"]), _money(line["base"])]
    vat = _money(line["vat"]) if line["is_taxed"] else say("без НДС")
    return [name, *counted, say("без акциза"), line["rate"] if line["is_taxed"] else vat, vat, _money(line["total"])]


def _change(sums: dict[str, str]) -> list[str]:
    base, vat, total = (_money(sums[name]) for name in ("base", "vat", "total"))
    return ["", "X", "X", "X", "X", "X", base, "X", "X", vat, total]


def _table(columns: tuple[tuple[str, int, str], ...], rows: list[list[str]], say: Say) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import Table, TableStyle

    tight, right = style(5.8, 7), style(6.3, 7.8, alignment=2)
    cells: list[list[Any]] = [[paragraph(say(name), tight) for name, _width, _number in columns]]
    cells.append([paragraph(number, tight) for _name, _width, number in columns])
    cells += [[paragraph(text, tight if at < 3 else right) for at, text in enumerate(row)] for row in rows]
    width = 285 * MM / sum(share for _name, share, _number in columns)
    table = Table(cells, colWidths=[share * width for _name, share, _number in columns], repeatRows=2)
    looks: list[Any] = [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        *((edge, (0, 0), (-1, -1), 1.5) for edge in ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    table.setStyle(TableStyle(looks))
    return table


def _signatures(facts: dict[str, Any], say: Say) -> list[str]:
    seller, line = facts["seller"], "____________________"
    signed = [
        f"{say('Руководитель организации или иное уполномоченное лицо')} {line} {seller['director'] or DASH}",
        f"{say('Главный бухгалтер или иное уполномоченное лицо')} {line} {seller['accountant'] or DASH}",
    ]
    if facts["kind"] != TaxPaperKind.UPD:
        return signed
    other, answers = say("Иные сведения"), say("Ответственный за правильность оформления")
    given = f"{say('Товар (груз) передал')} {line} [10]   {say('Дата отгрузки, передачи')}: "
    given += f"{_day(facts['shipped_on'])} [11]   {other}: {DASH} [12]   {answers} {line} [13]"
    came = say("Дата получения (приёмки): «__» __________ 20__ г.")
    taken = f"{say('Товар (груз) получил')} {line} [15]   {came} [16]   "
    taken += f"{other}: {DASH} [17]   {answers} {line} [18]"
    maker, numbers = say("Экономический субъект — составитель документа"), say("ИНН/КПП")
    return [
        *signed,
        f"{say('Основание передачи (сдачи) / получения (приёмки)')}: {_stated(facts['basis'], say)} [8]",
        f"{say('Данные о транспортировке и грузе')}: {DASH} [9]",
        given,
        f"{maker}: {seller['name']}, {numbers} {_pair(seller)} [14]",
        taken,
        f"{maker}: {facts['buyer']['name']}, {numbers} {_pair(facts['buyer'])} [19]",
    ]


def _stated(text: str, say: Say) -> str:
    return translate_stated(text) if say is translate else text


def _reference(number: str, day: str, say: Say) -> str:
    return say("№ {} от {}").format(number, _day(day))


def _pair(party: dict[str, Any]) -> str:
    return "/".join(filter(None, (party["inn"], party["kpp"]))) or DASH


def _money(amount: str) -> str:
    return f"{Decimal(amount):,.2f}".replace(",", "\u00a0").replace(".", ",")


def _day(text: str) -> str:
    return date.fromisoformat(text).strftime("%d.%m.%Y")
