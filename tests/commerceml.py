"""The structure of CommerceML 2.05 that a file of ours has to keep, and its papers read back."""

import re
from decimal import Decimal
from xml.etree.ElementTree import Element, fromstring

SPACE = "{urn:1C.ru:commerceml_205}"
OPERATIONS = {
    "Заказ товара", "Счет на оплату", "Отпуск товара", "Счет-фактура", "Возврат товара", "Передача товара на комиссию",
    "Возврат комиссионного товара", "Отчет о продажах комиссионного товара", "Выплата наличных денег",
    "Возврат наличных денег", "Выплата безналичных денег", "Возврат безналичных денег", "Переоценка товаров", "Прочие",
}  # fmt: skip
ROLES = {"Продавец", "Покупатель", "Плательщик", "Получатель", "Комитент", "Комиссионер"}
SEQUENCES = {
    "КоммерческаяИнформация": "Классификатор? Каталог? ПакетПредложений? Документ*",
    "Документ": "Ид Номер Дата ХозОперация Роль Валюта Курс Сумма Контрагенты Время? СрокПлатежа? Комментарий? Налоги? "
    "Скидки? ДопРасходы? Товары? ЗначенияРеквизитов?",
    "Контрагенты": "Контрагент+",
    "Контрагент": "Ид? Наименование? ОфициальноеНаименование? ЮридическийАдрес? ИНН? КПП? Роль",
    "Налоги": "Налог+",
    "Налог": "Наименование УчтеноВСумме? Акциз? Сумма Ставка?",
    "Товары": "Товар+",
    "Товар": "Ид? ИдСайта? Штрихкод? Артикул? Код? Наименование? ЗначенияРеквизитов? ИдКаталога? ИдКлассификатора? "
    "ЦенаЗаЕдиницу? Количество? Резерв? Сумма? Единица? Коэффициент? Налоги? Скидки? ДопРасходы?",
    "ЗначенияРеквизитов": "ЗначениеРеквизита+",
    "ЗначениеРеквизита": "Наименование Значение",
}
"""Children of each element, in the order of the published schema; whatever is not here holds text alone."""
MONEY = re.compile(r"-?\d+\.\d{2}")
TEXTS = {
    "ХозОперация": OPERATIONS.__contains__,
    "Роль": ROLES.__contains__,
    "Сумма": MONEY.fullmatch,
    "ЦенаЗаЕдиницу": MONEY.fullmatch,
    "Дата": re.compile(r"\d{4}-\d\d-\d\d").fullmatch,
    "Время": re.compile(r"\d\d:\d\d:\d\d").fullmatch,
    "Валюта": re.compile("[A-Z]{3}").fullmatch,
    "ИНН": re.compile(r"\d{10}(\d\d)?").fullmatch,
    "КПП": re.compile("[0-9A-Z]{9}").fullmatch,
    "Количество": re.compile(r"\d+").fullmatch,
    "УчтеноВСумме": {"true", "false"}.__contains__,
    "Номер": bool,
    "Ид": bool,
    "Наименование": bool,
}


def wrong(element: Element) -> list[str]:
    """What of an element, and of all in it, is not as the schema has it."""
    name = element.tag.removeprefix(SPACE)
    found = [f"{element.tag} is of no namespace of CommerceML"] if name == element.tag else []
    if name in SEQUENCES:
        pattern = "".join(
            f"({word.rstrip('?*+')} ){word[len(word.rstrip('?*+')) :]}" for word in SEQUENCES[name].split()
        )
        children = "".join(f"{child.tag.removeprefix(SPACE)} " for child in element)
        found += [] if re.fullmatch(pattern, children) else [f"{name} holds {children}"]
    elif len(element):
        found.append(f"{name} holds elements")
    elif name in TEXTS and not TEXTS[name](element.text or ""):
        found.append(f"{name} says {element.text}")
    return found + [each for child in element for each in wrong(child)]


def read(text: str) -> list[dict[str, object]]:
    """Papers of a file that keeps the structure."""
    root = fromstring(text)
    assert wrong(root) == []
    assert root.attrib["ВерсияСхемы"] == "2.05"
    return [_read_paper(item) for item in root.iter(f"{SPACE}Документ")]


def _read_value(item: Element, name: str) -> str | None:
    for fact in item.iterfind(f"{SPACE}ЗначенияРеквизитов/{SPACE}ЗначениеРеквизита"):
        if fact.findtext(f"{SPACE}Наименование") == name:
            return fact.findtext(f"{SPACE}Значение")
    return None


def _read_paper(item: Element) -> dict[str, object]:
    def say(path: str) -> str:
        return item.findtext(f"{SPACE}{path}") or ""

    facts = {
        fact.findtext(f"{SPACE}Наименование"): fact.findtext(f"{SPACE}Значение")
        for fact in item.findall(f"{SPACE}ЗначенияРеквизитов/{SPACE}ЗначениеРеквизита")
    }
    sides = [(name, text) for name, text in facts.items() if name.startswith(("Дебет ", "Кредит "))]
    return {
        "id": say("Ид"),
        "number": say("Номер"),
        "date": say("Дата"),
        "operation": say("ХозОперация"),
        "kind": facts["Вид операции"],
        "amount": Decimal(say("Сумма")),
        "facts": facts,
        "sides": {
            name.partition(" ")[2]: Decimal(text) * (1 if name.startswith("Дебет") else -1) for name, text in sides
        },
        "parties": [
            {child.tag.removeprefix(SPACE): child.text for child in party}
            for party in item.findall(f"{SPACE}Контрагенты/{SPACE}Контрагент")
        ],
        "goods": [
            {child.tag.removeprefix(SPACE): child.text for child in goods}
            | {"vat": goods.findtext(f"{SPACE}Налоги/{SPACE}Налог/{SPACE}Сумма")}
            | {"untaxed_by": _read_value(goods, "Основание без НДС")}
            for goods in item.findall(f"{SPACE}Товары/{SPACE}Товар")
        ],
        "vat": item.findtext(f"{SPACE}Налоги/{SPACE}Налог/{SPACE}Сумма"),
    }
