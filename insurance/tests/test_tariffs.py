"""Tariffs as data: revisions, imports, and quotes that recompute to the kopeck whatever came later."""

import json
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from math import prod

import msgspec
import pytest
from django.apps import apps
from django.db import IntegrityError, connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.ids import uuid7
from core.money import money
from core.testing import Api, tampering
from insurance import services
from insurance.models import Quote, TariffRevision, TariffRow
from insurance.plugin.demo import create_demo
from insurance.public import estimate, policy_disagreements, rate, recompute
from insurance.queries.reading import read_current_tables, read_tariff_tables
from insurance.rules.pricing import compare, price, read_request
from insurance.rules.rating.rows import TABLES, TariffFact, build_osago, read_value
from insurance.rules.tariffs import SHIPPED, SINCE_SHORT_TERMS
from insurance.tests import make
from insurance.tests.make import kt, load

pytestmark = pytest.mark.django_db(databases=["insurance"])
DAY = date(2026, 3, 1)


def test_shipped_rows_build_the_tariff_they_came_from():
    assert {fact.table for fact in SHIPPED.facts} == set(TABLES)
    for fact in SHIPPED.facts:
        read_value(fact.table, fact.value)
    assert build_osago(SHIPPED.facts).kvs == SHIPPED.osago.kvs
    through_json = [
        TariffFact(**{name: getattr(fact, name) for name in fact.__dataclass_fields__} | {
            "value": json.loads(json.dumps(fact.value))
        })
        for fact in SHIPPED.facts
    ]  # fmt: skip
    assert build_osago(through_json) == SHIPPED.osago


def test_the_first_import_puts_what_is_shipped_before_itself():
    load(kt("1.4"))
    assert list(TariffRevision.objects.order_by("number").values_list("number", "added", "withdrawn")) == [
        (1, len(SHIPPED.facts), 0),
        (2, 1, 0),
    ]
    tables = read_current_tables()
    assert tables.revision == 2
    request = make.OSAGO | {"region": "Тверская область", "city": "Тверь"}
    assert price(read_request(request), DAY, tables).breakdown[1].value == Decimal("1.4")
    assert price(read_request(make.OSAGO), DAY, tables).premium == price(read_request(make.OSAGO), DAY).premium


def test_the_rating_day_picks_the_row():
    load(kt("1.4"), kt("1.6", valid_from=date(2026, 2, 1)), kt("9", valid_from=date(2026, 6, 1)))
    request = read_request(make.OSAGO | {"region": "Тверская область", "city": "Тверь"})
    for day, value in ((date(2026, 1, 31), "1.4"), (DAY, "1.6")):
        assert price(request, day, read_current_tables()).breakdown[1].value == Decimal(value)


def test_a_correction_withdraws_the_row_and_leaves_quotes_alone():
    load(kt("1.4"))
    before = make.quote(insurance_type="osago", deductible="0", region="Тверская область", city="Тверь")
    load(kt("1.7"))
    after = make.quote(insurance_type="osago", deductible="0", region="Тверская область", city="Тверь")
    assert (before.tariff_revision, after.tariff_revision) == (2, 3)
    assert before.premium < after.premium
    assert recompute(before) == before.premium
    assert recompute(after) == after.premium
    assert TariffRow.objects.get(withdrawn_in=3).value["kt"] == "1.4"
    assert list(policy_disagreements()) == []


def test_rows_that_say_nothing_new_are_refused():
    load(kt("1.4"))
    with pytest.raises(InvalidInput) as refusal:
        load(kt("1.4"))
    assert refusal.value.errors[0]["code"] == "unchanged"
    assert TariffRevision.objects.count() == 2


@pytest.mark.parametrize(
    "fact",
    [
        TariffFact(table="songs", key="", value=1, valid_from=DAY, source=""),
        TariffFact(table="ks", key="", value={"x": "y"}, valid_from=DAY, source=""),
        kt("1", valid_to=date(2020, 1, 1)),
    ],
)
def test_rows_that_cannot_be_read_change_nothing(fact):
    with pytest.raises(InvalidInput):
        load(kt("1.4"), fact)
    assert not TariffRow.objects.exists()


def test_an_order_is_insured_by_the_tariffs_of_its_moment(time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    order_id, promised = uuid7(), estimate(make.OSAGO)
    time_machine.shift(timedelta(seconds=5))
    load(
        TariffFact(
            table="osago_base",
            key="",
            value={"B|individual": "6000"},
            valid_from=date(2026, 1, 1),
            source="a test",
            insurer="partner",
        )
    )
    assert estimate(make.OSAGO) > promised
    policy = make.policy(make.OSAGO, order_id=order_id)
    assert policy.premium == promised
    assert list(policy_disagreements()) == []


@pytest.mark.parametrize(("months", "share"), [(1, "0.2"), (2, "0.3"), (5, "0.6"), (6, "0.7"), (11, "1"), (12, "1")])
def test_a_short_term_costs_its_own_share_of_the_year(months, share):
    rated = price(read_request(make.KASKO | {"term_months": months}), SINCE_SHORT_TERMS)
    assert {item.code: item.value for item in rated.breakdown}["term"] == Decimal(share)


def test_what_the_first_release_sold_is_rated_as_it_was():
    request = read_request(make.KASKO | {"term_months": 1})
    before, now = (price(request, SINCE_SHORT_TERMS, read_tariff_tables(revision)).premium for revision in (0, 1))
    half_a_year = msgspec.structs.replace(request, term_months=6)
    assert now < before == price(half_a_year, SINCE_SHORT_TERMS, read_tariff_tables(0)).premium


def test_tariffs_that_stand_in_the_tables_get_the_short_terms_as_their_next_revision():
    migrate = partial(
        import_module("insurance.migrations.0020_price_short_terms").price,
        apps,
        connections["insurance"].schema_editor(),
    )
    migrate()
    assert not TariffRevision.objects.exists()
    services.ship_tariffs(now=timezone.now())
    with tampering("insurance"):
        TariffRow.objects.filter(valid_from=SINCE_SHORT_TERMS).delete()
    for _ in range(2):
        migrate()
    assert list(TariffRevision.objects.order_by("number").values_list("number", "added")) == [
        (1, len(SHIPPED.facts)), (2, 3),
    ]  # fmt: skip
    for insurer in ("partner", "compass", "shield"):
        terms = (read_current_tables().insurer(insurer, SINCE_SHORT_TERMS), SHIPPED.insurer(insurer, SINCE_SHORT_TERMS))
        assert terms[0].kasko.months == terms[1].kasko.months


def test_demo_data_put_the_shipped_rows_in_the_tables_once():
    create_demo(timezone.now())
    create_demo(timezone.now())
    assert TariffRow.objects.count() == len(SHIPPED.facts)
    assert estimate(make.KASKO) == price(read_request(make.KASKO), dealer_day(timezone.now())).premium


def test_a_missing_revision_is_named():
    with pytest.raises(LookupError):
        read_tariff_tables(7)
    with pytest.raises(LookupError):
        rate(make.OSAGO, day=DAY, revision=7)


def test_the_database_keeps_one_row_a_day():
    load(kt("1.4"))
    row = TariffRow.objects.get(key__startswith="Тверская")
    row.pk = uuid7()
    with pytest.raises(IntegrityError), transaction("insurance"):
        row.save(force_insert=True)


# Several insurers and variants ----------------------------------------------------------------------------------
def test_insurers_stand_side_by_side():
    offers = list(compare(read_request(make.KASKO), DAY))
    assert [rated.insurer for _, rated in offers] == ["partner", "compass", "shield"]
    assert len({rated.premium for _, rated in offers}) == 3
    for _, rated in offers:
        assert rated.premium == money(prod(factor.value for factor in rated.breakdown))


def test_a_quote_shows_variants_and_other_insurers():
    client = Api("client")
    variants = [
        {"deductible": "30000"},
        {"drivers": None, "programme": "dealer_repair", "additions": ["gap"]},
        {"settlement": {"is_aggregate": True}},
    ]
    body = make.KASKO | {"variants": variants, "compare": True}
    shown = client.post("/insurance/quotes", body)
    assert shown.status_code == 201, shown.content
    found = shown.json()["variants"]
    assert [row["variant"] for row in found] == [1, 2, 3, 4, 5]
    assert [row["insurer"] for row in found[3:]] == ["compass", "shield"]
    for row in found:
        product = prod(Decimal(item["value"]) for item in row["breakdown"])
        assert abs(product - Decimal(row["premium"])) <= Decimal("0.005")
    assert Decimal(found[0]["premium"]) < Decimal(shown.json()["premium"]) < Decimal(found[1]["premium"])
    assert list(policy_disagreements()) == []


@pytest.mark.parametrize(
    ("variant", "field"),
    [
        ({"deductible": "7"}, "variants.0.deductible"),
        ({"vehicle_vin": make.OSAGO["vehicle_vin"]}, "variants.0.vehicle_vin"),
        ({"programme": "gold"}, "variants.0.programme"),
        ({"insurer": "nobody"}, "variants.0.insurer"),
    ],
)
def test_a_bad_variant_is_named(variant, field):
    response = Api("client").post("/insurance/quotes", make.KASKO | {"variants": [variant]})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field, response.content
    assert not Quote.objects.exists()


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"owner": "legal_entity", "drivers": None}, {"ko": "1.97"}),
        ({"drivers": None, "owner_kbm": "13"}, {"ko": "2.32", "kbm": "0.46", "kvs": "1"}),
        ({"term_months": 3}, {"ks": "0.5"}),
        ({"transit_days": 10}, {"kp": "0.2"}),
        ({"transit_months": 2}, {"kp": "0.4"}),
    ],
)
def test_osago_of_every_kind(changes, codes):
    found = {item.code: item.value for item in price(read_request(make.OSAGO | changes), DAY).breakdown}
    assert {code: found.get(code) for code in codes} == {code: Decimal(value) for code, value in codes.items()}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"owner": "legal_entity"}, "drivers"),
        ({"transit_days": 16}, "transit_months"),
        ({"transit_days": 3, "transit_months": 1}, "transit_days"),
        ({"insurance_type": "kasko", "coverage_amount": "1000000", "transit_days": 3}, "transit_months"),
        ({"start_date": "2020-01-01"}, "start_date"),
    ],
)
def test_what_no_insurer_takes_is_named(changes, field):
    response = Api("client").post("/insurance/quotes", make.OSAGO | changes)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)


# Every stored quote recomputes ----------------------------------------------------------------------------------
requests = st.fixed_dictionaries(
    {
        "insurance_type": st.sampled_from(["kasko", "osago"]),
        "vehicle_make": st.sampled_from(["Lada", "Toyota", "Lexus"]),
        "vehicle_year": st.integers(2012, 2026),
        "coverage_amount": st.decimals(100_000, 20_000_000, places=2).map(str),
        "engine_power": st.integers(40, 400),
        "region": st.sampled_from(["", "Москва", "Казань", "Murmansk"]),
        "insurer": st.sampled_from(["", "compass", "shield"]),
        "drivers": st.none()
        | st.lists(
            st.builds(
                lambda age, years, kbm: {
                    "birth_date": date(2026 - age, 1, 1).isoformat(),
                    "licence_since": date(2026 - min(years, age - 18), 1, 1).isoformat(),
                    "kbm": str(kbm),
                },
                st.integers(19, 70),
                st.integers(0, 40),
                st.integers(0, 13),
            ),
            min_size=1,
            max_size=4,
        ),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=requests, revisions=st.lists(st.decimals("0.5", "2.5", places=2), max_size=3, unique=True))
def test_a_stored_quote_recomputes_whatever_tariffs_come_later(raw, revisions):
    request = read_request(make.OSAGO | raw | {"term_months": 12})
    variants = [{"deductible": "15000"}] if raw["insurance_type"] == "kasko" else []
    quote = services.make_quote(customer_id=uuid7(), request=request, variants=variants, now=timezone.now())
    for value in revisions:
        fact = TariffFact(
            table="territories",
            key="Москва|",
            value={"region": "Москва", "city": "", "kt": str(value)},
            valid_from=dealer_day(timezone.now()) - timedelta(days=1),
            source=f"revision {uuid7()}",
        )
        services.import_tariff(facts=[fact], note="", now=timezone.now())
    stored = Quote.objects.get(pk=quote.pk)
    assert recompute(stored) == stored.premium
    assert stored.premium == money(prod(Decimal(item["value"]) for item in stored.breakdown))
    for number, variant in enumerate(stored.variants, 1):
        assert recompute(stored, number) == Decimal(variant["premium"])
