"""Say in English what the Russian forms of tax papers say, for a reader: what counts is the Russian paper."""

import re

READING = "A reading in English. What counts is the paper in Russian."
ENGLISH = {
    "Счёт-фактура": "Tax invoice (счёт-фактура)",
    "Универсальный передаточный документ": "Universal transfer document (УПД)",
    "Корректировочный счёт-фактура": "Corrective tax invoice",
    "Приложение № {} к постановлению Правительства РФ от 26.12.2011 № 1137 (в ред. от 23.01.2026 № 26)": (
        "Appendix {} to Decree 1137 of the Government of Russia of 26.12.2011 (as amended by 26 of 23.01.2026)"
    ),
    "Приложение № 1 к письму ФНС России от 21.10.2013 № ММВ-20-3/96@": (
        "Appendix 1 to letter ММВ-20-3/96@ of the Federal Tax Service of 21.10.2013"
    ),
    "№ п/п": "No.",
    "Наименование товара (описание работ, услуг), имущественного права": (
        "Goods (description of works, services), property right"
    ),
    "Код вида товара": "Code of goods",
    "Ед. изм., код": "Unit, code",
    "Условное обозн.": "Unit",
    "шт": "pc.",
    "Количество (объём)": "Quantity",
    "Цена (тариф) за единицу": "Price of a unit",
    "Стоимость без налога — всего": "Total before tax",
    "В т. ч. сумма акциза": "Excise within it",
    "Налоговая ставка": "Tax rate",
    "Сумма налога, предъявляемая покупателю": "Tax charged to the buyer",
    "Стоимость с налогом — всего": "Total with tax",
    "Страна, код": "Country, code",
    "Страна": "Country",
    "Рег. № декларации или партии": "No. of customs entry or lot",
    "Код ед. прослеж.": "Traced unit, code",
    "Ед. прослеж.": "Traced unit",
    "Кол-во прослеж.": "Traced quantity",
    "Стоимость прослеж.": "Traced value",
    "счёт-фактура и передаточный документ (акт)": "tax invoice and transfer document (act)",
    "передаточный документ (акт)": "transfer document (act)",
    "Статус": "Status",
    "Всего увеличение (сумма строк В)": "Total increase (sum of rows В)",
    "Всего уменьшение (сумма строк Г)": "Total decrease (sum of rows Г)",
    "А (до изменения)": "А (before the change)",
    "Б (после изменения)": "Б (after the change)",
    "В (увеличение)": "В (increase)",
    "Г (уменьшение)": "Г (decrease)",
    "Показатели в связи с изменением стоимости": "Figures of the change in value",
    "Исправление": "Correction of an error",
    "Исправление корректировочного счёта-фактуры": "Correction of an error in the corrective tax invoice",
    "{} от {}": "{} of {}",
    "№ {} от {}": "No. {} of {}",
    "заказ № {} от {}": "order No. {} of {}",
    "Продавец": "Seller",
    "Адрес": "Address",
    "ИНН/КПП продавца": "INN/KPP of the seller",
    "Грузоотправитель и его адрес": "Consignor and address",
    "он же": "the same",
    "Грузополучатель и его адрес": "Consignee and address",
    "К платёжно-расчётному документу": "To payment document",
    "Документ об отгрузке": "Document of shipment",
    "К счёту-фактуре, выставленному при получении оплаты, частичной оплаты": "To the tax invoice for the advance",
    "К счёту-фактуре": "To tax invoice",
    "Покупатель": "Buyer",
    "ИНН/КПП покупателя": "INN/KPP of the buyer",
    "Валюта: наименование, код": "Currency: name, code",
    "российский рубль, 643": "Russian rouble, 643",
    "Идентификатор государственного контракта, договора (соглашения)": "Identifier of a state contract",
    "Всего к оплате (9)": "Total to pay (9)",
    "без НДС": "no VAT",
    "Без НДС, строки {}: {}": "No VAT, lines {}: {}",
    "без акциза": "no excise",
    "Руководитель организации или иное уполномоченное лицо": "Head of the organisation or another authorised person",
    "Главный бухгалтер или иное уполномоченное лицо": "Chief accountant or another authorised person",
    "Товар (груз) передал": "Goods handed over by",
    "Дата отгрузки, передачи": "Day of shipment, handover",
    "Иные сведения": "Other",
    "Ответственный за правильность оформления": "Responsible for the paper",
    "Товар (груз) получил": "Goods received by",
    "Дата получения (приёмки): «__» __________ 20__ г.": "Day of receipt: __ __________ 20__",
    "Экономический субъект — составитель документа": "Organisation that drew up the document",
    "Основание передачи (сдачи) / получения (приёмки)": "Ground of the handover and receipt",
    "Данные о транспортировке и грузе": "Transport and cargo",
    "ИНН/КПП": "INN/KPP",
}
"""The forms' own words and what they mean; `{}` stand for numbers and days."""


_STATED = {"договор": "contract", "заказ": "order", "Предварительная оплата по заказу": "advance for order"}
_ARTICLE = re.compile(r"(?:подп\. (\S+) )?п\. (\S+) ст\. (\S+) НК РФ")
_NUMBERED = re.compile(r"(\D+) № (\S+)(?: от (\S+))?")


def translate_stated(text: str) -> str:
    """Say in English what a paper states of contracts, orders and articles of the Tax Code by number.

    Names and other texts stay as they are.
    """
    if article := _ARTICLE.fullmatch(text):
        below = f"sub-item {article[1]} of " if article[1] else ""
        return f"{below}item {article[2]} of article {article[3]} of the Tax Code of Russia"
    found = _NUMBERED.fullmatch(text)
    if found is None or found[1] not in _STATED:
        return text
    return f"{_STATED[found[1]]} No. {found[2]}" + (f" of {found[3]}" if found[3] else "")


def translate(text: str) -> str:
    """Say a form's own words in English. Raises KeyError for others, so that none is left out."""
    return ENGLISH[text]


def quote(text: str) -> str:
    """Say them as the form does."""
    return text
