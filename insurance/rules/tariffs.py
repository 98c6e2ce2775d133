"""The tables of tariffs: every dated row of the law and of each insurer, as it stood at one revision.

What the product ships with is revision 1 (0 is what its first release shipped with); managers' imports are later
revisions, kept in the database. They never change, so whatever was rated with them can be rated again. Rates and
programmes shipped are defaults of the product, not market prices. The law's own coefficients are in
`insurance.rules.rating.tariffs`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache

from insurance.rules.rating import KaskoTariff, OsagoTariff, TariffMissing
from insurance.rules.rating.rows import (
    LAW,
    TariffFact,
    build_kasko,
    build_osago,
    in_force,
    kasko_facts,
    osago_facts,
    read_value,
)
from insurance.rules.rating.tariffs import (
    CHELYABINSK,
    KASKO_REFERENCE_2015,
    MOSCOW,
    MURMANSK,
    OLD_DIRECTIVE,
    OSAGO,
    SAINT_PETERSBURG,
    SINCE_2022,
    SINCE_7204,
    TATARSTAN,
    UGRA,
)

OWN = "own tariff of the partner insurer"
SHORT_TERMS = (
    "the dealership's own tariff: a tenth a month below six months; no published rows of so short terms are known"
)
SINCE_SHORT_TERMS = date(2026, 11, 23)
HOME_REGION = MOSCOW
"""Where a car is insured when no region is named: the dealership's own."""

DEFAULT_INSURER = "partner"
OTHER_MAKES = "*"
KASKO_MINIMUM = Decimal(5_000)
OSAGO_LIMIT = Decimal(400_000)
"""Most that OSAGO pays for damage to property, roubles (40-FZ art. 7, by press reports)."""

OLDEST_CAR = 15


@dataclass(frozen=True, kw_only=True)
class InsurerTariff:
    """One insurer's own rows on a day: roubles, factors, per cent. `kasko` is None where it insures no cars.

    `connection` is empty where we issue in its name, else it decides by itself over its API. `legal_name`, `inn` and
    `phone` are what receipts of its premiums say of it; empty until they are entered.
    """

    code: str
    name: str
    connection: str
    legal_name: str
    inn: str
    phone: str
    osago_base: Mapping[str, Decimal]
    kasko: KaskoTariff | None
    kasko_minimum: Decimal
    groups: Mapping[str, str]
    programmes: Mapping[str, Decimal]
    additions: Mapping[str, Decimal]

    @property
    def supplier(self) -> dict[str, str] | None:
        """Return whose premiums these are, as receipts name it; None until its ИНН is entered."""
        return {"name": self.legal_name, "inn": self.inn, "telephone": self.phone} if self.inn else None

    def get_theft_group(self, make: str) -> str:
        """Theft group of a make."""
        return self.groups.get(make.strip().casefold(), self.groups.get(OTHER_MAKES, "2"))


class TariffTables:
    """All rows of one revision."""

    def __init__(self, revision: int, facts: Sequence[TariffFact]) -> None:
        self.revision, self.facts = revision, tuple(facts)
        self._insurer = lru_cache(maxsize=256)(self._read_insurer)

    @cached_property
    def osago(self) -> OsagoTariff:
        """The law's tables."""
        return build_osago(fact for fact in self.facts if fact.insurer == LAW)

    def insurers(self, day: date) -> list[str]:
        """Codes of the insurers that sell on a day, the default one first."""
        codes = {fact.insurer for fact in self.facts if fact.table == "insurer" and fact.in_force(day)}
        return sorted(codes, key=lambda code: (code != DEFAULT_INSURER, code))

    def insurer(self, code: str, day: date) -> InsurerTariff:
        """An insurer's tariff on a day. Raises TariffMissing."""
        return self._insurer(code or DEFAULT_INSURER, day)

    def find_supplier(self, code: str, day: date) -> dict[str, str] | None:
        """Find an insurer as receipts of its premiums name it: None where it sold nothing that day, or has no ИНН."""
        try:
            return self.insurer(code, day).supplier
        except TariffMissing:
            return None

    def _read_insurer(self, code: str, day: date) -> InsurerTariff:
        rows = in_force(self.facts, code, day)

        def value(table: str, default: object) -> object:
            row = rows.get((table, ""))
            return default if row is None else read_value(table, row.value)

        if ("insurer", "") not in rows:
            raise TariffMissing("insurer", code)
        about: dict[str, str] = read_value("insurer", rows["insurer", ""].value)
        try:
            kasko = build_kasko(rows, f"{code}-{self.revision}")
        except TariffMissing:
            kasko = None
        return InsurerTariff(
            code=code,
            name=about["name"],
            connection=about.get("connection", ""),
            legal_name=about.get("legal_name", "") or about["name"],
            inn=about.get("inn", ""),
            phone=about.get("phone", ""),
            osago_base=value("osago_base", {}),  # type: ignore[arg-type]
            kasko=kasko,
            kasko_minimum=value("kasko_minimum", KASKO_MINIMUM),  # type: ignore[arg-type]
            groups=value("kasko_groups", {}),  # type: ignore[arg-type]
            programmes=value("kasko_programmes", {}),  # type: ignore[arg-type]
            additions=value("kasko_additions", {}),  # type: ignore[arg-type]
        )


# What the product ships with --------------------------------------------------------------------------------------
def _by_age(first: str, step: str, share: Decimal) -> Sequence[Decimal]:
    return tuple(((Decimal(first) + Decimal(step) * age) * share).quantize(Decimal("0.01")) for age in range(16))


def _kasko(code: str, source: str, share: Decimal) -> KaskoTariff:
    def zone(*rates: str) -> Mapping[str, Sequence[Decimal]]:
        steps = ("0.35", "0.25", "0.20")
        return {str(n): _by_age(rate, step, share) for n, (rate, step) in enumerate(zip(rates, steps, strict=True), 1)}

    return replace(
        KASKO_REFERENCE_2015,
        name=code,
        source=source,
        base_rate_percent={
            "Moscow": zone("6.40", "4.60", "3.40"),
            "Saint Petersburg": zone("6.60", "4.70", "3.50"),
            "other": zone("6.00", "4.30", "3.20"),
        },
    )


_INSURERS = (
    (DEFAULT_INSURER, "Страховая компания «Партнёр»", OWN, "4500", "1900", Decimal(1)),
    ("compass", "Страховое общество «Компас»", "own tariff of Compass (demo)", "4950", "2100", Decimal("0.93")),
    ("shield", "Страховой дом «Щит»", "own tariff of Shield (demo)", "4200", "2000", Decimal("1.08")),
)
_GROUPS = {OTHER_MAKES: "2", "toyota": "1", "lexus": "1", "land rover": "1"}
_PROGRAMMES = {"standard": "1", "dealer_repair": "1.12", "theft_and_total": "0.55"}
_ADDITIONS = {"gap": "0.30"}


def _own(insurer: str, table: str, value: object, source: str) -> TariffFact:
    return TariffFact(
        table=table, key="", value=value, valid_from=SINCE_2022, source=source, is_secondary=False, insurer=insurer
    )


def shipped_facts() -> Iterator[TariffFact]:
    """Every row the product ships with."""
    yield from osago_facts(OSAGO)
    yield TariffFact(
        table="corridors",
        key="B|legal_entity",
        value={"category": "B", "owner": "legal_entity", "least": "852", "greatest": "5722"},
        valid_from=SINCE_7204,
        source=f"{OLD_DIRECTIVE}; the limits of 7204-У for legal entities were in no source we could read",
    )
    for code, name, source, individual, legal, share in _INSURERS:
        connection = "" if code == DEFAULT_INSURER else "api"
        yield _own(code, "insurer", {"name": name, "connection": connection}, source)
        yield _own(code, "osago_base", {"B|individual": individual, "B|legal_entity": legal, "A|any": "1500"}, source)
        yield _own(code, "kasko_minimum", str(KASKO_MINIMUM), source)
        yield _own(code, "kasko_groups", _GROUPS, source)
        yield _own(code, "kasko_programmes", _PROGRAMMES, source)
        yield _own(code, "kasko_additions", _ADDITIONS, source)
        tariff = _kasko(code, source, share)
        yield from kasko_facts(tariff, insurer=code, valid_from=SINCE_2022, is_secondary=False)


def short_terms() -> Iterator[TariffFact]:
    """Rows for KASKO of less than six months, which shared the price of six before."""
    months = {number: Decimal(number + 1) / 10 for number in range(1, 6)} | dict(KASKO_REFERENCE_2015.months)
    value = {str(number): str(months[number]) for number in sorted(months)}
    for code, *_rest in _INSURERS:
        yield replace(_own(code, "kasko_months", value, SHORT_TERMS), valid_from=SINCE_SHORT_TERMS)


FIRST_SHIPPED = TariffTables(0, tuple(shipped_facts()))
"""What the first release rated by; what it sold is rated again by it."""
SHIPPED = TariffTables(1, (*FIRST_SHIPPED.facts, *short_terms()))
"""What the product ships with. The first import writes it down as revision 1, and adds its own after it."""

PLACES = {
    "moscow": (MOSCOW, ""),
    "77": (MOSCOW, ""),
    "saint petersburg": (SAINT_PETERSBURG, ""),
    "st petersburg": (SAINT_PETERSBURG, ""),
    "78": (SAINT_PETERSBURG, ""),
    "kazan": (TATARSTAN, "Казань"),
    "казань": (TATARSTAN, "Казань"),
    "murmansk": (MURMANSK, "Мурманск"),
    "мурманск": (MURMANSK, "Мурманск"),
    "chelyabinsk": (CHELYABINSK, "Челябинск"),
    "челябинск": (CHELYABINSK, "Челябинск"),
    "surgut": (UGRA, "Сургут"),
    "сургут": (UGRA, "Сургут"),
}
"""Other names of places: region and town as the territory table writes them."""


def place(region: str, city: str) -> tuple[str, str]:
    """Region and town as the tables write them."""
    if not region:
        return HOME_REGION, city
    known, town = PLACES.get(region.strip().lower().replace(".", ""), (region.strip(), city.strip()))
    return known, city.strip() or town
