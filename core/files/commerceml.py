"""Papers as CommerceML 2.05, the format of 1С for trade: an element for each paper, written one at a time.

The order of elements is that of the published schema of CommerceML 2.05 (docs/accounting.md); readers of 1С go by it.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement, tostring

from core.clock import dealer_zone
from core.files.accounting import Goods, Operation, Paper, Party

NAMESPACE, VERSION = "urn:1C.ru:commerceml_205", "2.05"
CONTENT_TYPE = "application/xml; charset=utf-8"
OPERATIONS = {
    Operation.SALE: "Отпуск товара",
    Operation.SALE_RETURNED: "Возврат товара",
    Operation.CASH_IN: "Выплата наличных денег",
    Operation.CASH_OUT: "Возврат наличных денег",
    Operation.BANK_IN: "Выплата безналичных денег",
    Operation.BANK_OUT: "Возврат безналичных денег",
    Operation.OTHER: "Прочие",
}
"""Economic operations by the names of the schema's enumeration."""
NAMELESS = "Розничный покупатель"
UNTAXED = "Основание без НДС"
"""Name of the fact of goods by which law their sale bears no VAT."""
_OURS, _THEIRS = "Продавец", "Покупатель"
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_NAME = 250


def write_commerceml(papers: Iterable[Paper], made_at: datetime, seller_name: str) -> Iterator[str]:
    """Yield a file of papers, piece by piece; `seller_name` stands where a paper names no legal entity of ours."""
    stamp = made_at.astimezone(dealer_zone()).replace(microsecond=0, tzinfo=None).isoformat()
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<КоммерческаяИнформация xmlns="{NAMESPACE}" ВерсияСхемы="{VERSION}" ДатаФормирования="{stamp}">\n'
    for paper in papers:
        yield tostring(_document(paper, seller_name), encoding="unicode") + "\n"
    yield "</КоммерческаяИнформация>\n"


def _add(parent: Element, name: str, text: object = "") -> Element:
    child = SubElement(parent, name)
    child.text = _NO_XML.sub("", str(text)) or None
    return child


def _document(paper: Paper, seller_name: str) -> Element:
    document = Element("Документ")
    _add(document, "Ид", paper.id)
    _add(document, "Номер", paper.number)
    _add(document, "Дата", paper.local.date().isoformat())
    _add(document, "ХозОперация", OPERATIONS[paper.operation])
    _add(document, "Роль", _OURS)
    _add(document, "Валюта", paper.currency)
    _add(document, "Курс", 1)
    _add(document, "Сумма", _money(paper.amount))
    _add_parties(document, paper, seller_name)
    _add(document, "Время", paper.local.time().isoformat())
    if paper.basis:
        _add(document, "Комментарий", f"Заказ {paper.basis}")
    known = [goods.vat_amount for goods in paper.goods if goods.vat_amount is not None]
    if known and len(known) == len(paper.goods):
        _add_tax(document, sum(known, Decimal(0)), None)
    if paper.goods:
        goods = SubElement(document, "Товары")
        for line in paper.goods:
            _add_goods(goods, line)
    _add_facts(document, paper)
    return document


def _add_parties(document: Element, paper: Paper, seller_name: str) -> None:
    parties = SubElement(document, "Контрагенты")
    _add_party(parties, paper.seller or Party(""), seller_name, _OURS)
    if paper.other is not None:
        _add_party(parties, paper.other, NAMELESS, _THEIRS)


def _add_party(parties: Element, party: Party, nameless: str, role: str) -> None:
    shown = SubElement(parties, "Контрагент")
    if party.id:
        _add(shown, "Ид", party.id)
    _add(shown, "Наименование", (party.name or nameless)[:_LONGEST_NAME])
    if party.name:
        _add(shown, "ОфициальноеНаименование", party.name[:_LONGEST_NAME])
    for name, text in (("ИНН", party.inn), ("КПП", party.kpp)):
        if text:
            _add(shown, name, text)
    _add(shown, "Роль", role)


def _add_tax(parent: Element, amount: Decimal, rate: Decimal | None) -> None:
    tax = SubElement(SubElement(parent, "Налоги"), "Налог")
    _add(tax, "Наименование", "НДС")
    _add(tax, "УчтеноВСумме", "true")
    _add(tax, "Сумма", _money(amount))
    if rate is not None:
        _add(tax, "Ставка", f"{rate.normalize():f}")


def _add_goods(parent: Element, goods: Goods) -> None:
    shown = SubElement(parent, "Товар")
    if goods.id:
        _add(shown, "Ид", goods.id)
    if goods.sku:
        _add(shown, "Артикул", goods.sku)
    _add(shown, "Наименование", goods.name[:_LONGEST_NAME])
    if told := {name: text for name, text in (("VIN", goods.vin), (UNTAXED, goods.untaxed_by)) if text}:
        _add_values(shown, told)
    _add(shown, "ЦенаЗаЕдиницу", _money(goods.price))
    _add(shown, "Количество", abs(goods.quantity))
    _add(shown, "Сумма", _money(goods.total))
    _add(shown, "Единица", "шт")
    if goods.vat_amount is not None:
        _add_tax(shown, goods.vat_amount, goods.vat_rate)


def _add_facts(document: Element, paper: Paper) -> None:
    facts = {"Вид операции": paper.kind} | paper.notes
    for account, amount in paper.sides:
        facts[f"{'Дебет' if amount > 0 else 'Кредит'} {account}"] = _money(abs(amount))
    _add_values(document, facts)


def _add_values(parent: Element, values: dict[str, str]) -> None:
    shown = SubElement(parent, "ЗначенияРеквизитов")
    for name, text in values.items():
        value = SubElement(shown, "ЗначениеРеквизита")
        _add(value, "Наименование", name)
        _add(value, "Значение", text)


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"
