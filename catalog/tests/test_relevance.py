"""Find what people mean by what they type: typos, Russian spellings, starts of words, pieces of VINs, mixed filters."""

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from catalog.models import Product, ProductSearch
from catalog.tests import make
from core.testing import Api

pytestmark = pytest.mark.django_db(databases=["catalog"])

# make, model, trim, year, price in thousands, km in thousands, body, fuel, colour, gearbox, drive, plate
CARS = {
    "vesta": "LADA|Vesta|Comfort|2021|1150|42|sedan|бензин|белый|mt|fwd|",
    "granta": "LADA|Granta|Classic|2019|640|88|lift|бензин|серый|mt|fwd|",
    "niva": "LADA|Niva Travel||2023|1390|9|suv3|бензин|зелёный|mt|4wd|",
    "uaz": "УАЗ|Patriot||2018|890|120|suv|бензин|чёрный|mt|4wd|",
    "x5": "BMW|X5|xDrive30d|2021|8900|51|suv|дизель|чёрный|at|4wd|А123ВС777",
    "x3": "BMW|X3|xDrive20d|2019|4300|92|suv|дизель|белый|at|4wd|",
    "5er": "BMW|5 серии|520d|2020|5200|60|sedan|дизель|синий|at|4wd|",
    "camry": "Toyota|Camry|Prestige|2020|3100|70|sedan|бензин|чёрный|at|fwd|",
    "prado": "Toyota|Land Cruiser Prado||2017|5400|130|suv|дизель|белый|at|4wd|К777ОР99",
    "rav4": "Toyota|RAV4||2022|3900|25|suv|гибрид|красный|cvt|4wd|",
    "rio": "Kia|Rio||2022|1650|30|sedan|бензин|белый|at|fwd|",
    "sportage": "Kia|Sportage||2021|2900|45|suv|бензин|серый|at|4wd|",
    "solaris": "Hyundai|Solaris||2020|1400|66|sedan|бензин|серебристый|mt|fwd|",
    "creta": "Hyundai|Creta||2023|2500|12|suv|бензин|синий|at|4wd|",
    "octavia": "Skoda|Octavia||2019|2100|80|lift|бензин|серый|amt|fwd|",
    "polo": "Volkswagen|Polo||2021|1800|40|lift|бензин|красный|at|fwd|",
    "tiguan": "Volkswagen|Tiguan||2020|3000|75|suv|бензин|белый|amt|4wd|",
    "e": "Mercedes-Benz|E-Класс|E 200|2019|4700|65|sedan|бензин|чёрный|at|rwd|",
    "gle": "Mercedes-Benz|GLE|300 d|2021|9800|38|suv|дизель|серый|at|4wd|",
    "cx5": "Mazda|CX-5||2018|2600|98|suv|бензин|красный|at|4wd|",
    "qashqai": "Nissan|Qashqai||2020|2200|72|suv|бензин|белый|cvt|fwd|",
    "duster": "Renault|Duster||2021|1700|47|suv|бензин|коричневый|mt|4wd|",
    "cayenne": "Porsche|Cayenne||2018|7600|85|suv|бензин|белый|at|4wd|",
    "peugeot": "Peugeot|3008||2019|2300|69|suv|дизель|синий|at|fwd|",
    "cruze": "Chevrolet|Cruze||2013|890|140|sedan|бензин|чёрный|mt|fwd|",
    "zeekr": "Zeekr|001||2024|6900|0|lift|электро|белый|at|4wd|",
    "jolion": "Haval|Jolion||2024|2350|0|suv|бензин|красный|amt|fwd|",
}
SHORT = {
    "sedan": "седан",
    "lift": "лифтбек",
    "suv3": "внедорожник 3 дв.",
    "suv": "внедорожник 5 дв.",
    "mt": "механическая",
    "at": "автоматическая",
    "cvt": "вариатор",
    "amt": "роботизированная",
    "fwd": "передний",
    "4wd": "полный",
    "rwd": "задний",
}
VINS = {
    "vesta": "XTAGFK330JY144213",
    "x5": "WBAJU410X0LK72815",
    "camry": "XW7BF4FK10S123987",
    "gle": "W1N1671191A402255",
}

# what is typed (and which filters stand): which cars must come, best first where only one is named
EVERY = {
    # as written, in any case and order
    "vesta": "vesta", "LADA Vesta": "vesta", "vesta lada": "vesta", "Toyota Camry 2020": "camry", "camry": "camry",
    "land cruiser": "prado", "Niva Travel": "niva", "cx-5": "cx5", "CX 5": "cx5", "mazda cx5": "cx5",
    "x5": "x5", "520d": "5er", "xdrive20d": "x3", "mercedes": "e gle", "mercedes-benz": "e gle", "3008": "peugeot",
    # in Russian letters, as people say it
    "бмв": "x5 x3 5er", "бмв х5": "x5", "тойота": "camry prado rav4", "тойота камри": "camry", "киа рио": "rio",
    "лада веста": "vesta", "лада гранта": "granta", "мерседес": "e gle", "мерс": "e gle", "фольксваген": "polo tiguan",
    "шкода октавия": "octavia", "хендай": "solaris creta", "хендай солярис": "solaris", "хундай крета": "creta",
    "ниссан кашкай": "qashqai", "рено дастер": "duster", "порше кайен": "cayenne", "порш": "cayenne",
    "пежо": "peugeot", "шевроле круз": "cruze", "мазда": "cx5", "тигуан": "tiguan", "спортейдж": "sportage",
    "хавал джолион": "jolion", "зикр": "zeekr", "ленд крузер": "prado", "жигули": "vesta granta niva",
    # Latin for what is written in Russian
    "uaz": "uaz", "uaz patriot": "uaz", "уаз патриот": "uaz",
    # the start of a word
    "ves": "vesta", "cam": "camry", "sol": "solaris", "tig": "tiguan", "volks": "polo tiguan",
    "внедорож дизел bmw": "x5 x3",
    "камр": "camry", "окта": "octavia",
    # one letter wrong, missing, too many or swapped; two in a long word
    "tayota camry": "camry", "hundai": "solaris creta", "hyndai": "solaris creta", "wolksvagen": "polo tiguan",
    "mersedes": "e gle", "kia roi": "rio", "vetsa": "vesta", "сolaris": "solaris", "octaiva": "octavia",
    "porshe": "cayenne", "pegueot": "peugeot", "nisan": "qashqai", "шивроле": "cruze", "тоета": "camry prado rav4",
    # what it is, bent as Russian bends words
    "чёрные внедорожники": "x5 uaz", "черный седан": "camry e cruze", "белая камри": "", "дизельный": "",
    "седан дизель": "5er", "электро": "zeekr", "гибрид": "rav4", "красный лифтбек": "polo", "bmw дизель 2021": "x5",
    # VINs and plates, whole and in pieces
    "XTAGFK330JY144213": "vesta", "xtagfk330": "vesta", "144213": "vesta", "LK72815": "x5", "410X0": "x5",
    "ХТАGFK330JY144213": "vesta", "S123987": "camry", "1671191": "gle", "а123вс": "x5", "a123bc777": "x5",
    "123ВС": "x5", "к777ор": "prado",
    # nothing of the kind
    "ferrari": "", "самокат": "", "' OR 1=1 --": "", "&|!:*": "",
}  # fmt: skip
WITH_FILTERS = [
    ({"q": "bmw", "price_max": 5000000}, "x3"),
    ({"q": "бмв", "fuel": "дизель", "year_min": 2020}, "x5 5er"),
    ({"q": "внедорожник", "make": "toyota"}, "prado rav4"),
    ({"q": "седан", "mileage_max": 45000}, "vesta rio"),
    ({"q": "тойота", "condition": "used", "body": "седан"}, "camry"),
    ({"q": "хендай", "year_min": 2022}, "creta"),
    ({"q": "mersedes", "fuel": "дизель"}, "gle"),
    ({"q": "lada", "price_min": 1000000, "price_max": 1200000}, "vesta"),
    ({"q": "белый", "condition": "new"}, "zeekr"),
    ({"q": "144213", "make": "lada"}, "vesta"),
    ({"q": "144213", "make": "bmw"}, ""),
    ({"q": "vesta", "in_stock": "false"}, ""),
    ({"q": "полный бензин", "make": "kia"}, "sportage"),
    ({"q": "volks", "body": "лифтбек"}, "polo"),
]


@pytest.fixture(scope="module")
def showroom(django_db_setup, django_db_blocker):
    """The cars of this page, made once and taken away after it."""
    from django.db import connections

    with django_db_blocker.unblock():
        for name, line in CARS.items():
            maker, model, trim, year, price, km, *rest = line.split("|")
            body, fuel, color, gearbox, drive, plate = (SHORT.get(part, part) for part in rest)
            make.product(
                sku=name,
                name=f"{maker} {model} {year}",
                make=maker,
                model=model,
                trim=trim,
                year=int(year),
                price=Decimal(price) * 1000,
                mileage=int(km) * 1000,
                condition="used" if int(km) else "new",
                body=body,
                fuel=fuel,
                color=color,
                transmission=gearbox,
                drive=drive,
                plate=plate,
                vin=VINS.get(name, ""),
            )
        yield
        tables = "catalog_product, catalog_stockmovement, catalog_word, messaging_outbox, messaging_event_stream"
        with connections["catalog"].cursor() as cursor:
            cursor.execute(f"TRUNCATE {tables} CASCADE")


def found(**query):
    response = Api().get(f"/products?{urlencode({'page_size': 100} | query)}")
    assert response.status_code == 200, response.content
    return [item["sku"] for item in response.json()["results"]]


@pytest.mark.usefixtures("showroom")
@pytest.mark.parametrize(("typed", "expected"), EVERY.items())
def test_what_is_typed_finds_what_is_meant(typed, expected):
    assert sorted(found(q=typed)) == sorted(expected.split())


@pytest.mark.usefixtures("showroom")
@pytest.mark.parametrize(("query", "expected"), WITH_FILTERS)
def test_text_and_filters_narrow_each_other(query, expected):
    assert sorted(found(**query)) == sorted(expected.split())


@pytest.mark.usefixtures("showroom")
def test_the_set_is_large_enough():
    assert len(EVERY) + len(WITH_FILTERS) >= 100


@pytest.mark.usefixtures("showroom")
def test_the_name_counts_more_than_the_description():
    other = make.product(sku="mats", name="Коврики", kind="accessory", description="Подходят для Camry, Rio и Vesta")
    assert found(q="camry") == ["camry", other.sku]


@pytest.mark.usefixtures("showroom")
def test_ranking_looks_at_the_newest_matches_only(monkeypatch):
    monkeypatch.setattr("catalog.models.search.RANKED", 2)
    assert found(q="bmw") == ["x3", "5er"]
    assert len(found(q="bmw", ordering="price")) == 3
    assert ProductSearch(q="bmw").apply(Product.objects.on_sale()).count() == 3
