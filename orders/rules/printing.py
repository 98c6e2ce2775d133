"""Documents as PDF: invoice, contract and handover act, in Russian and English, with amounts in words.

The font is DejaVu Sans of `core.fonts`. The same facts always print the same bytes.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from core.clock import dealer_day
from core.files.printing import MM, paragraph, print_pages, style
from core.fonts import BOLD, REGULAR
from orders.models import Document, DocumentKind

LANGUAGES = ("ru", "en")
TITLES = {
    "ru": {
        DocumentKind.INVOICE: "Счёт на оплату",
        DocumentKind.CONTRACT: "Договор купли-продажи",
        DocumentKind.HANDOVER_ACT: "Акт приёма-передачи",
        DocumentKind.RETURN_ACT: "Акт возврата",
    },
    "en": {
        DocumentKind.INVOICE: "Invoice",
        DocumentKind.CONTRACT: "Contract of sale",
        DocumentKind.HANDOVER_ACT: "Handover act",
        DocumentKind.RETURN_ACT: "Act of return",
    },
}
WORDS: dict[str, dict[str, str]] = {
    "ru": {
        "heading": "{title} № {number} от {date}",
        "version": "Редакция {version}. Заказ № {order} от {ordered}.",
        "seller": "Продавец",
        "buyer": "Покупатель",
        "columns": "№|Наименование|Кол-во|Цена|Сумма",
        "total": "Итого: {total} {currency}",
        "trade_in": "Зачтено по обмену: {amount} {currency}. К оплате: {due} {currency}",
        "words": "Всего на сумму: {words}.",
        "signatures": "Продавец ____________________        Покупатель ____________________",
        "invoice": "Оплатите счёт по реквизитам продавца, указав номер заказа {order}.",
        "contract": "Продавец обязуется передать в собственность покупателя товар, перечисленный выше, а покупатель "
        "обязуется принять его и уплатить указанную цену.",
        "handover-act": "Продавец передал, а покупатель принял товар, перечисленный выше, с документами и ключами. "
        "Претензий по комплектности и внешнему виду покупатель не имеет.",
        "return-act": "Покупатель вернул, а продавец принял товар, перечисленный выше, с документами и ключами. "
        "Продавец возвращает покупателю уплаченную цену.",
        "reason": "Причина возврата: {reason}",
        "mileage": "Пробег: {mileage} км",
        "condition": "Состояние: {condition}",
        "inspection": "Результат осмотра: {inspection}",
    },
    "en": {
        "heading": "{title} No. {number} of {date}",
        "version": "Version {version}. Order No. {order} of {ordered}.",
        "seller": "Seller",
        "buyer": "Buyer",
        "columns": "No.|Item|Qty|Price|Amount",
        "total": "Total: {total} {currency}",
        "trade_in": "Credited for the trade-in: {amount} {currency}. To be paid: {due} {currency}",
        "words": "Amount in words: {words}.",
        "signatures": "Seller ____________________        Buyer ____________________",
        "invoice": "Please pay to the seller's account, naming the order {order}.",
        "contract": "The seller undertakes to hand over the goods listed above into the buyer's property, and the "
        "buyer undertakes to accept them and to pay the price stated.",
        "handover-act": "The seller has handed over and the buyer has accepted the goods listed above with their "
        "papers and keys. The buyer has no claims as to completeness and appearance.",
        "return-act": "The buyer has given back and the seller has accepted the goods listed above with their papers "
        "and keys. The seller gives the price paid back to the buyer.",
        "reason": "Reason of the return: {reason}",
        "mileage": "Mileage: {mileage} km",
        "condition": "Condition: {condition}",
        "inspection": "Result of the inspection: {inspection}",
    },
}


def in_words(amount: Decimal, currency: str, language: str) -> str:
    """An amount in words, to the kopeck."""
    from num2words import num2words

    try:
        return str(num2words(amount, lang=language, to="currency", currency=currency))
    except NotImplementedError:
        return f"{num2words(int(amount), lang=language)} {currency} {int(amount % 1 * 100):02d}/100"


def print_document(document: Document, language: str) -> bytes:
    """The document's facts as PDF."""
    words, title = WORDS[language], TITLES[language][DocumentKind(document.kind)]
    return print_pages(
        _story(document, words, title, language),
        title=f"{title} {document.number}", author=document.facts["seller"]["name"], lang=language,
        leftMargin=20 * MM, rightMargin=15 * MM, topMargin=15 * MM, bottomMargin=15 * MM,
    )  # fmt: skip


def _story(document: Document, words: dict[str, str], title: str, language: str) -> list[Any]:
    from reportlab.platypus import Spacer

    text, head = style(9.5, 13, spaceAfter=6), style(14, 18, fontName=BOLD, spaceAfter=8)
    facts, day = document.facts, _day(dealer_day(document.issued_at), language)
    total, trade_in, currency = Decimal(facts["total"]), Decimal(facts["trade_in"]), facts["currency"]
    due = total - trade_in
    ordered = _day(date.fromisoformat(facts["ordered_at"]), language)

    def say(template: str, look: Any = text, **values: Any) -> Any:
        return paragraph(template.format(**values), look)

    credit = [say(words["trade_in"], amount=_money(trade_in), due=_money(due), currency=currency)] if trade_in else []
    return [
        say(words["heading"], head, title=title, number=document.number, date=day),
        say(words["version"], version=document.version, order=facts["order"], ordered=ordered),
        say("{label}: {seller}", label=words["seller"], seller=", ".join(filter(None, facts["seller"].values()))),
        say("{label}: {name}", label=words["buyer"], name=facts["buyer"]["name"] or facts["buyer"]["id"]),
        Spacer(1, 6),
        _table(facts["lines"], words["columns"].split("|"), text),
        Spacer(1, 8),
        say(words["total"], head, total=_money(total), currency=currency),
        *credit,
        say(words["words"], words=in_words(due, currency, language)),
        say(words[document.kind], order=facts["order"]),
        *(say(words[name], **{name: value}) for name, value in facts.get("return", {}).items() if value is not None),
        Spacer(1, 24),
        say(words["signatures"]),
    ]


def _table(lines: list[dict[str, Any]], columns: list[str], text: Any) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import Table, TableStyle

    rows: list[list[Any]] = [columns]
    for number, line in enumerate(lines, 1):
        name = line["name"] + (f", VIN {line['vin']}" if line["vin"] else "")
        price, amount = _money(Decimal(line["unit_price"])), _money(Decimal(line["line_total"]))
        rows.append([str(number), paragraph(name, text), str(line["quantity"]), price, amount])
    table = Table(rows, colWidths=[width * MM for width in (10, 80, 15, 34, 36)], repeatRows=1)
    look: list[Any] = [
        ("FONT", (0, 0), (-1, -1), REGULAR, 9),
        ("FONT", (0, 0), (-1, 0), BOLD, 9),
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("ALIGN", (2, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    table.setStyle(TableStyle(look))
    return table


def _money(amount: Decimal) -> str:
    """Thousands apart by a space that does not break, kopecks after a comma: 1 234 567,89."""
    return f"{amount:,.2f}".replace(",", "\u00a0").replace(".", ",")


def _day(day: date, language: str) -> str:
    return day.strftime("%d.%m.%Y" if language == "ru" else "%Y-%m-%d")
