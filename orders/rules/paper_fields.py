"""The fields that templates of papers may name: what each holds, for which kinds, and what a preview shows.

Every value is text. Fields `by_hand` are said by the manager who issues the paper; the rest is known of the order.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from orders.models import PaperKind

SALES = (PaperKind.SALE_NEW, PaperKind.SALE_USED, PaperKind.SALE_CONSIGNED)
PRICED = (*SALES, PaperKind.SALE_GOODS, PaperKind.INVOICE)
SETTLED = (*PRICED, PaperKind.HANDOVER, PaperKind.ACT_GOODS)
"""Kinds that say how the price is made up and paid."""
CARS = (*SALES, PaperKind.HANDOVER, PaperKind.ATTORNEY, PaperKind.LOAN, PaperKind.DEPOSIT, PaperKind.TRADE_IN)
ALL = tuple(PaperKind)
_SET_OFF = (PaperKind.TRADE_IN, *SETTLED)
ANYBODYS = frozenset(
    {PaperKind.INVOICE, PaperKind.SALE_GOODS, PaperKind.ACT_GOODS, PaperKind.RETURN_ACT, PaperKind.OFFER}
)
"""Kinds that name the buyer by their account where nobody has entered a passport."""
COMPANYS = (*SALES, PaperKind.HANDOVER, PaperKind.TRADE_IN, PaperKind.LOAN, PaperKind.DEPOSIT, *sorted(ANYBODYS))
"""Kinds that a company is a party of by itself."""


@dataclass(frozen=True)
class Field:
    """A field of templates: `path` is how a template names it, `sample` what a preview shows."""

    path: str
    label: Any
    sample: str
    kinds: tuple[PaperKind, ...] = ALL
    by_hand: bool = False

    @property
    def group(self) -> str:
        """Return the part of the path before the point."""
        return self.path.partition(".")[0]

    @property
    def name(self) -> str:
        """Return the part of the path after the point."""
        return self.path.partition(".")[2]


_LINE = ("name", "vin", "quantity", "price", "sum", "vat_rate", "vat", "list_price", "untaxed_by")
LISTS = {"lines": _LINE, "goods": _LINE, "policies": _LINE}
"""Lists that `for` may walk over, and what each of their items holds."""
MOST_ITEMS = 200

FIELDS = (
    Field("document.number", _("number of the paper"), "SALE-2026-000001"),
    Field("document.date", _("day of the paper"), "23.11.2026"),
    Field("order.number", _("number of the order"), "A-2026-000017"),
    Field("order.date", _("day of the order"), "20.11.2026"),
    Field("order.currency", _("currency"), "RUB"),
    Field("order.total", _("sum of all lines"), "1 525 000,00"),
    Field(
        "order.total_words",
        _("sum of all lines in words"),
        "один миллион пятьсот двадцать пять тысяч рублей, ноль копеек",
    ),
    Field("order.paid", _("paid so far"), "925 000,00"),
    Field("order.due", _("still to be paid by the buyer"), "0,00"),
    Field("order.discount", _("discounts within the sum"), "49 999,99", (*SETTLED, PaperKind.OFFER)),
    Field("order.own", _("paid by the buyer, of the sum"), "25 000,00", SETTLED),
    Field("order.lent", _("paid by the bank, of the sum"), "900 000,00", SETTLED),
    Field("order.trade_in_credit", _("credited for the car taken in exchange"), "600 000,00", _SET_OFF),
    Field("order.trade_in_surplus", _("paid to its owner, above what is credited"), "40 000,00", _SET_OFF),
    Field("order.allowance", _("given back after the payment"), "15 000,00", SETTLED),
    Field("order.premiums_back", _("premiums of policies that ended"), "6 000,00", SETTLED),
    Field("order.excess", _("paid above the sum, to be given back"), "5 000,00", SETTLED),
    Field("order.vat", _("VAT within the sum"), "272 836,06"),
    Field("seller.name", _("seller"), "ООО «Автосалон»"),
    Field("seller.address", _("seller's address"), "101000, Москва, ул. Примерная, д. 1"),
    Field("seller.tax_id", _("seller's tax numbers"), "ИНН 7700000000, КПП 770001001"),
    Field("seller.account", _("seller's bank account"), "р/с 40702810000000000000 в ПАО «Банк»"),
    Field("seller.inn", _("seller's INN"), "7700000000"),
    Field("seller.kpp", _("seller's KPP"), "770001001"),
    Field("seller.ogrn", _("seller's registration number"), "1027700000000"),
    Field("seller.director", _("seller's head"), "Соколова О. И."),
    Field("seller.accountant", _("seller's chief accountant"), "Счётова А. П."),
    Field(
        "seller.representative",
        _("who signs for the seller, in the genitive"),
        "Соколовой Ольги Ивановны",
        by_hand=True,
    ),
    Field("seller.authority", _("on which authority they sign"), "доверенности № 12 от 01.09.2026", by_hand=True),
    Field("buyer.name", _("buyer"), "Иванов Пётр Сергеевич"),
    Field("buyer.birth_date", _("buyer's date of birth"), "01.02.1985"),
    Field("buyer.birth_place", _("buyer's place of birth"), "г. Казань"),
    Field("buyer.passport", _("series and number of the passport"), "45 12 345678"),
    Field("buyer.issued_by", _("who issued the passport"), "ОВД Примерного района"),
    Field("buyer.issued_on", _("when the passport was issued"), "10.03.2010"),
    Field("buyer.department_code", _("code of the department"), "770-001"),
    Field("buyer.address", _("where the buyer is registered"), "109000, Москва, ул. Образцовая, д. 2, кв. 3"),
    Field("buyer.phone", _("buyer's phone"), "+7 900 000-00-00"),
    Field("buyer.company", _("company that buys"), "ООО «Покупатель»", COMPANYS),
    Field("buyer.inn", _("company's INN"), "7707083893", COMPANYS),
    Field("buyer.kpp", _("company's KPP"), "770701001", COMPANYS),
    Field("buyer.ogrn", _("company's registration number"), "1027700132195", COMPANYS),
    Field("buyer.company_address", _("company's address"), "Тверь, ул. Советская, д. 1", COMPANYS),
    Field(
        "buyer.representative",
        _("who signs for the company, in the genitive"),
        "директора Иванова П. С.",
        COMPANYS,
        by_hand=True,
    ),
    Field("buyer.authority", _("on which authority they sign"), "устава", COMPANYS, by_hand=True),
    Field("car.name", _("car"), "Lada Vesta SW Cross", CARS),
    Field("car.make", _("make"), "Lada", CARS),
    Field("car.model", _("model"), "Vesta", CARS),
    Field("car.year", _("year"), "2026", CARS),
    Field("car.vin", _("VIN"), "XTAGFK330PY000001", CARS),
    Field("car.color", _("colour"), "синий", CARS),
    Field("car.body", _("body"), "универсал", CARS),
    Field("car.fuel", _("fuel"), "бензин", CARS),
    Field("car.engine", _("engine, litres"), "1,8", CARS),
    Field("car.power", _("power, hp"), "122", CARS),
    Field("car.mileage", _("mileage, km"), "12 300", CARS),
    Field("car.plate", _("registration plate"), "А123ВС77", CARS, by_hand=True),
    Field("car.passport", _("number of the vehicle's passport"), "164301000000001", CARS, by_hand=True),
    Field("car.passport_day", _("day of the vehicle's passport"), "15.09.2026", CARS, by_hand=True),
    Field("car.engine_number", _("number of the engine"), "21179-000001", CARS, by_hand=True),
    Field("car.price", _("price of the car"), "1 500 000,00", CARS),
    Field("car.price_words", _("price of the car in words"), "один миллион пятьсот тысяч рублей, ноль копеек", CARS),
    Field("car.handover_day", _("day by which the car is handed over"), "30.11.2026", SALES, by_hand=True),
    Field("car.defects", _("defects that the buyer was told of"), "скол на капоте", (*SALES, PaperKind.HANDOVER), True),
    Field("car.equipment", _("what is handed over with the car"), "два ключа", (PaperKind.HANDOVER,), True),
    Field("warranty.months", _("warranty, months"), "36", SALES, by_hand=True),
    Field("warranty.km", _("warranty, km"), "100 000", SALES, by_hand=True),
    Field("consignor.name", _("owner of the consigned car"), "Петров А. А.", (PaperKind.SALE_CONSIGNED,), True),
    Field("consignor.contract", _("contract with its owner"), "№ К-17", (PaperKind.SALE_CONSIGNED,), True),
    Field("trade_in.name", _("car taken in exchange"), "Kia Rio", _SET_OFF),
    Field("trade_in.vin", _("its VIN"), "Z94CB41AABR000001", _SET_OFF),
    Field("trade_in.year", _("its year"), "2018", (PaperKind.TRADE_IN,)),
    Field("trade_in.mileage", _("its mileage, km"), "84 000", (PaperKind.TRADE_IN,)),
    Field("trade_in.amount", _("what it is taken for"), "600 000,00", (PaperKind.TRADE_IN, *PRICED)),
    Field("trade_in.amount_words", _("the same in words"), "шестьсот тысяч рублей", (PaperKind.TRADE_IN, *PRICED)),
    Field("trade_in.passport", _("number of its passport"), "78 ОА 123456", (PaperKind.TRADE_IN,), True),
    Field("loan.amount", _("what the bank lends"), "900 000,00", (PaperKind.LOAN, *PRICED)),
    Field("loan.amount_words", _("the same in words"), "девятьсот тысяч рублей", (PaperKind.LOAN, *PRICED)),
    Field("loan.own_part", _("the buyer's own part"), "25 000,00", (PaperKind.LOAN, *PRICED)),
    Field("loan.bank", _("bank"), "ПАО «Банк»", (PaperKind.LOAN,), by_hand=True),
    Field("loan.contract", _("contract with the bank"), "№ 55 от 21.11.2026", (PaperKind.LOAN,), by_hand=True),
    Field("deposit.kind", _("kind of deposit: advance or earnest"), "earnest", (PaperKind.DEPOSIT,)),
    Field("deposit.amount", _("deposit"), "50 000,00", (PaperKind.DEPOSIT,)),
    Field("deposit.amount_words", _("the same in words"), "пятьдесят тысяч рублей", (PaperKind.DEPOSIT,)),
    Field("deposit.until", _("until when the car is kept"), "30.11.2026", (PaperKind.DEPOSIT,)),
    Field("return.reason", _("why it came back"), "не подошёл цвет", (PaperKind.RETURN_ACT,)),
    Field("return.mileage", _("mileage, km"), "1 200", (PaperKind.RETURN_ACT,)),
    Field("return.condition", _("condition"), "без повреждений", (PaperKind.RETURN_ACT,)),
    Field("return.inspection", _("result of the inspection"), "недостатков не найдено", (PaperKind.RETURN_ACT,)),
    Field("offer.valid_until", _("last day of the offer"), "30.11.2026", (PaperKind.OFFER,)),
    Field("offer.comment", _("words to the buyer"), "Зимние шины в подарок не входят.", (PaperKind.OFFER,)),
    Field("offer.loan_bank", _("bank"), "ПАО «Банк»", (PaperKind.OFFER,)),
    Field("offer.loan_programme", _("programme of the loan"), "Новый автомобиль", (PaperKind.OFFER,)),
    Field("offer.loan_amount", _("what the bank would lend"), "900 000,00", (PaperKind.OFFER,)),
    Field("offer.loan_down_payment", _("down payment"), "625 000,00", (PaperKind.OFFER,)),
    Field("offer.loan_months", _("term of the loan, months"), "60", (PaperKind.OFFER,)),
    Field("offer.loan_rate", _("rate, % a year"), "14,9", (PaperKind.OFFER,)),
    Field("offer.loan_payment", _("payment a month"), "21 364,15", (PaperKind.OFFER,)),
    Field("offer.loan_psk", _("full cost of credit, %"), "14,897", (PaperKind.OFFER,)),
    Field("attorney.name", _("who is authorised"), "Смирнова А. П.", (PaperKind.ATTORNEY,), by_hand=True),
    Field("attorney.passport", _("their passport"), "45 10 000001", (PaperKind.ATTORNEY,), by_hand=True),
    Field("attorney.powers", _("to do what"), "получить автомобиль", (PaperKind.ATTORNEY,), by_hand=True),
    Field("attorney.until", _("until when"), "31.12.2026", (PaperKind.ATTORNEY,), by_hand=True),
)

_BUYER = ("buyer.name", "buyer.birth_date", "buyer.passport", "buyer.issued_by", "buyer.issued_on", "buyer.address")
_CAR = ("car.name", "car.vin", "car.year", "car.price")
NEEDED: dict[str, tuple[str, ...]] = {
    PaperKind.SALE_NEW: (*_BUYER, *_CAR, "car.handover_day", "warranty.months"),
    PaperKind.SALE_USED: (*_BUYER, *_CAR, "car.mileage", "car.handover_day", "car.defects"),
    PaperKind.SALE_CONSIGNED: (
        *(*_BUYER, *_CAR, "car.mileage", "car.handover_day"),
        *("car.defects", "consignor.name", "consignor.contract"),
    ),
    PaperKind.HANDOVER: (*_BUYER, "car.name", "car.vin", "car.passport", "car.equipment"),
    PaperKind.TRADE_IN: (*_BUYER, "trade_in.name", "trade_in.vin", "trade_in.amount", "trade_in.passport"),
    PaperKind.LOAN: (*_BUYER, "car.name", "car.vin", "loan.amount", "loan.bank", "loan.contract"),
    PaperKind.DEPOSIT: (*_BUYER, "car.name", "deposit.amount", "deposit.until"),
    PaperKind.ATTORNEY: (
        *(*_BUYER, "car.name", "car.vin"),
        *("attorney.name", "attorney.passport", "attorney.powers", "attorney.until"),
    ),
    PaperKind.CONSENT: ("buyer.name", "buyer.passport", "buyer.issued_by", "buyer.issued_on", "buyer.address"),
    **dict.fromkeys(ANYBODYS, ("buyer.name",)),
}
"""Fields without which a paper of a kind would not be one; none is issued until they are known."""
_COMPANY = ("buyer.company", "buyer.inn", "buyer.company_address")
NEEDED_OF_COMPANY: dict[str, tuple[str, ...]] = {
    kind: (*_COMPANY, *(path for path in NEEDED[kind] if path not in _BUYER)) for kind in COMPANYS
}
"""The same where a company buys: it has requisites instead of a passport."""


@cache
def list_fields(kind: str) -> tuple[Field, ...]:
    """List the fields that templates of a kind may name."""
    return tuple(item for item in FIELDS if kind in item.kinds)


def make_sample(kind: str) -> dict[str, Any]:
    """Make the facts of a deal that never was, for previews."""
    facts: dict[str, Any] = {}
    for item in list_fields(kind):
        facts.setdefault(item.group, {})[item.name] = item.sample
    car = (
        "Lada Vesta SW Cross",
        "XTAGFK330PY000001",
        "1",
        "1 500 000,00",
        "1 500 000,00",
        "22%",
        "270 491,80",
        "1 549 999,99",
        "",
    )
    mats = ("Коврики", "", "1", "13 000,00", "13 000,00", "22%", "2 344,26", "", "")
    policy = ("ОСАГО", "", "1", "12 000,00", "12 000,00", "", "", "", "подп. 7 п. 3 ст. 149 НК РФ")
    lines = [dict(zip(_LINE, line, strict=True)) for line in (car, mats, policy)]
    return facts | {"lines": lines, "goods": lines[:-1], "policies": lines[-1:]}
