"""Headers of price lists in whatever dress: case, units, marks, humps and three languages."""

import pytest

from catalog.rules.importing.columns import find_columns
from core.importing.problems import Unreadable

PLAIN = ("make", "model", "year", "price", "mileage")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Цена, руб", "price"), ("ЦЕНА (РУБ.)", "price"), ("Цена, ₽", "price"), ("price_rub", "price"),
        ("Пробег, км", "mileage"), ("ПРОБЕГ (км)", "mileage"), ("mileage_km", "mileage"), ("mileageKm", "mileage"),
        ("Kilometerstand [km]", "mileage"), ("Laufleistung in km".replace(" in", ""), "mileage"),
        ("yearOfRegistration", "year"), ("year_of_registration", "year"), ("Year of Manufacture", "year"),
        ("Erstzulassung", "year"), ("Год  выпуска", "year"), ("power_ps", "power_hp"), ("powerPS", "power_hp"),
        ("Leistung (PS)", "power_hp"), ("Мощность, л.с.", "power_hp"), ("engine_power_hp", "power_hp"),
        ("Hubraum (cm³)", "engine_volume"), ("Объём двигателя, л", "engine_volume"),
        ("engineSize (L)", "engine_volume"),
        ("vehicleTransmission", "transmission"), ("Getriebe", "transmission"), ("Hersteller", "make"),
    ],
)  # fmt: skip
def test_a_header_is_known_in_any_dress(header, field):
    others = [name for name in PLAIN if name != field]
    columns = find_columns([*others, header])
    assert columns.positions[field] == (len(others),)
    assert columns.found[field] == header


@pytest.mark.parametrize(
    ("header", "currency"), [("Price (EUR)", "EUR"), ("Preis €", "EUR"), ("price_usd", "USD"), ("Цена, руб", "RUB")]
)
def test_the_currency_of_a_header_is_that_of_its_prices(header, currency):
    columns = find_columns(["make", "model", "year", header, "mileage"])
    assert columns.defaults == {"currency": currency}
    assert columns.found["currency"] == f"= {currency}"
    own = find_columns(["make", "model", "year", header, "mileage"], defaults={"currency": "GBP"})
    assert own.defaults == {"currency": "GBP"}, "what somebody says counts for more"


def test_miles_are_no_kilometres_unless_they_are_to_be_converted():
    header = ["make", "model", "year", "price", "Mileage (miles)"]
    with pytest.raises(Unreadable) as refusal:
        find_columns(header)
    assert "mileage" in refusal.value.detail
    assert find_columns(header, in_miles=True).positions["mileage"] == (4,)
    with pytest.raises(Unreadable):
        find_columns([*header[:4], "Пробег, км"], in_miles=True)


@pytest.mark.parametrize("header", ["Leistung (kW)", "Мощность, кВт", "power_kw"])
def test_kilowatts_are_no_horsepower(header):
    assert "power_hp" not in find_columns([*PLAIN, header]).positions
    assert find_columns([*PLAIN, header, "power"]).positions["power_hp"] == (6,)


def test_thousands_of_kilometres_are_asked_about():
    with pytest.raises(Unreadable):
        find_columns(["make", "model", "year", "price", "Пробег, тыс. км"])


def test_a_header_that_only_looks_like_a_unit_stays_itself():
    columns = find_columns(["make", "model", "year", "price", "km"])
    assert columns.positions["mileage"] == (4,)
