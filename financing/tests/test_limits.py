"""Limits of lending: the ceiling of ПСК by category of car and quarter, and the quarter's shares by debt load."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

import catalog.tests.make
from core.clock import dealer_day
from core.errors import InvalidInput
from core.ids import uuid7
from financing import services
from financing.errors import LendingShareFull, NotOverridable, PskAboveCeiling
from financing.models import Application, CreditLimit, LimitKind
from financing.queries.cars import car_among
from financing.queries.limit_files import LimitFact
from financing.queries.limits import compute_ceiling, get_debt_tier, get_quarter_start, limits_on
from financing.services.limits import share_with
from financing.tests import make
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["financing", "catalog"])
LONG_AGO, LONG_AHEAD = date(2020, 1, 1), date(2099, 12, 31)
MODERATE = {"monthly_income": "90000.00", "down_payment": "500000.00"}
"""A debt load between 50 and 80 % with a loan of 1.5 million."""
SPRING, SUMMER = datetime(2026, 6, 30, 9, tzinfo=UTC), datetime(2026, 7, 1, 9, tzinfo=UTC)


def limit(kind, value, *, first=LONG_AGO, last=LONG_AHEAD, bank="", source="a test"):
    fact = LimitFact(kind=kind, value=Decimal(value), valid_from=first, valid_to=last, source=source, bank=bank)
    return services.write_limits(facts=[fact], now=timezone.now())


def ceiling(is_used, *, on=date(2026, 3, 1), programme=None):
    found = limits_on(on).ceiling(programme or make.programme(), is_used)
    return found.percent if found else None


@pytest.mark.parametrize(("average", "published_ceiling"), [("26.699", "35.599"), ("28.230", "37.640")])
def test_the_ceiling_is_a_third_above_the_average(average, published_ceiling):
    """The Bank of Russia's own pairs for agreements of the third quarter of 2025 (garant.ru, 411925014)."""
    assert compute_ceiling(Decimal(average)) == Decimal(published_ceiling)


def test_the_category_is_the_cars_and_an_unknown_one_gets_the_lower_ceiling():
    limit(LimitKind.PSK_NEW, "15")
    limit(LimitKind.PSK_USED, "18")
    assert [ceiling(is_used) for is_used in (False, True, None)] == [20, 24, 20]
    assert ceiling(False, programme=make.programme(financing_type="leasing")) is None


def test_the_day_chooses_the_row():
    limit(LimitKind.PSK_NEW, "15", first=date(2026, 1, 1), last=date(2026, 3, 31))
    limit(LimitKind.PSK_NEW, "12", first=date(2026, 4, 1), last=date(2026, 6, 30))
    assert [ceiling(False, on=day) for day in (date(2026, 3, 31), date(2026, 4, 1))] == [20, 16]
    assert [ceiling(False, on=day) for day in (date(2025, 12, 31), date(2026, 7, 1))] == [None, None]


def test_a_banks_own_ceiling_counts_where_it_is_lower():
    limit(LimitKind.PSK_NEW, "15")
    assert ceiling(False, programme=make.programme(max_psk_percent=Decimal(19))) == 19
    assert ceiling(False, programme=make.programme(max_psk_percent=Decimal(21))) == 20


def test_terms_above_the_ceiling_are_refused_and_the_decision_says_by_what():
    limit(LimitKind.PSK_NEW, "11.1", source="Bank of Russia, 15 May 2026")
    make.programme()
    refused = make.application()
    assert (refused.status, refused.reasons) == ("rejected", ["psk_cap"])
    check = next(check for check in refused.decision["checks"] if check["code"] == "psk_cap")
    assert (check["value"], check["limit"]) == ("15.000", "14.800")
    assert refused.decision["ceiling"] == {"percent": "14.800", "source": "Bank of Russia, 15 May 2026"}
    with pytest.raises(NotOverridable) as stopped:
        make.override(refused)
    assert stopped.value.extra["reasons"] == ["psk_cap"]


def test_the_ceiling_of_the_day_of_the_agreement_counts():
    limit(LimitKind.PSK_NEW, "12", first=date(2026, 4, 1), last=date(2026, 6, 30))
    limit(LimitKind.PSK_NEW, "11", first=date(2026, 7, 1), last=date(2026, 9, 30))
    make.programme()
    offered = make.application(now=SPRING)
    assert offered.status == "approved"
    with pytest.raises(PskAboveCeiling):
        services.accept_offer(application_id=offered.pk, customer_id=offered.customer_id, now=SUMMER)
    offered.refresh_from_db()
    assert (offered.status, published("financing")) == ("approved", ["financing.submitted", "financing.approved"])
    services.accept_offer(application_id=offered.pk, customer_id=offered.customer_id, now=SPRING)


def test_what_the_catalogue_says_of_a_car_counts_and_not_the_applicant():
    old = catalog.tests.make.product(year=2012, mileage=150_000, vin="")
    make.programme()
    order = make.order()
    services.copy_order(
        order_id=order.order_id, customer_id=order.customer_id, number="1", total_amount=order.total_amount,
        currency="RUB", version=2, product_ids=[old.id],
    )  # fmt: skip
    refused = make.application(of=order, vehicle_year=2026)
    assert (refused.vehicle_year, refused.decision["facts"]["is_used"]) == (2012, True)
    limits = {check["code"]: check["limit"] for check in refused.decision["checks"]}
    assert (limits["down_payment"], limits["ltv"]) == ("20.0000", "80.0000")


@pytest.mark.parametrize(("mileage", "condition", "is_used"), [
    (1000, "used", False), (1001, "new", True), (None, "used", True), (None, "new", False), (None, "", None),
])  # fmt: skip
def test_a_car_is_used_by_its_mileage_else_by_how_it_is_sold(mileage, condition, is_used):
    car = catalog.tests.make.product(mileage=mileage, condition=condition, vin="")
    assert car_among([car.id]).is_used is is_used


def test_a_price_above_the_order_is_no_money_paid_down():
    """18 of 20 million «paid down» for an order of 2: what is really paid is a tenth."""
    make.programme(min_down_payment_percent=Decimal(30))
    forged = make.application(vehicle_price="20000000.00", down_payment="18200000.00")
    assert "down_payment" in forged.reasons
    assert forged.decision["facts"]["down_payment"] == "200000.00"


# The quarter's shares -----------------------------------------------------------------------------------------------
def test_tiers_and_quarters():
    assert [get_debt_tier(Decimal(load)).value for load in ("50", "50.01", "80", "80.01")] == [
        "low", "moderate", "moderate", "high",
    ]  # fmt: skip
    assert get_debt_tier(None).value == "high"
    days = [date(2026, 1, 1), date(2026, 3, 31), date(2026, 12, 31)]
    assert [get_quarter_start(day) for day in days] == [date(2026, 1, 1), date(2026, 1, 1), date(2026, 10, 1)]


def test_without_a_limit_nothing_is_counted_against_anybody():
    make.programme()
    assert make.application(**MODERATE).reasons == ["dti"]


def test_the_first_loan_of_a_high_debt_load_has_no_room_without_a_plan():
    limit(LimitKind.SHARE_MODERATE, "20")
    make.programme()
    refused = make.application(**MODERATE)
    assert (refused.status, refused.reasons) == ("rejected", ["lending_share", "dti"])
    check = refused.decision["checks"][-1]
    assert (check["value"], check["limit"]) == ("100.000", "20.000")
    assert (refused.counted_in, refused.decision["counter_offer"]) == (None, None)


def approve(application):
    return services.approve_application(application_id=application.pk, manager_id=uuid7(), now=timezone.now())


def test_agreed_offers_take_the_room_and_ended_ones_give_it_back():
    limit(LimitKind.SHARE_MODERATE, "20")
    limit(LimitKind.PLAN, "10000000")
    make.programme()
    first, second = make.application(**MODERATE), make.application(**MODERATE)
    assert (first.status, second.status) == ("under_review", "under_review")
    approve(first)
    first.refresh_from_db()
    assert first.counted_in == get_quarter_start(dealer_day(timezone.now()))
    assert first.debt_load_percent == Decimal("57.78")
    with pytest.raises(LendingShareFull) as full:
        approve(second)
    assert full.value.extra == {"share": "30.000", "limit": "20"}
    second.refresh_from_db()
    assert second.status == "under_review"
    services.withdraw_application(application_id=first.pk, now=timezone.now())
    assert approve(second).status == "approved"


def test_paid_out_loans_make_room():
    limit(LimitKind.SHARE_MODERATE, "20")
    make.programme()
    for _ in range(4):
        order = make.order()
        low = make.requested(order)
        services.disburse_loan(order_id=order.order_id, attempt_id=low.attempt_id, now=timezone.now())
    assert make.application(**MODERATE).reasons == ["dti"]
    share = share_with(make.programme(), Decimal(60), Decimal("1500000.01"), dealer_day(timezone.now()))
    assert (share.percent, share.is_kept) == (Decimal("20.001"), False)


def test_a_banks_own_row_goes_before_that_of_all():
    limit(LimitKind.SHARE_MODERATE, "20")
    limit(LimitKind.SHARE_MODERATE, "100", bank="Lenient")
    make.programme(bank="Lenient")
    assert make.application(**MODERATE).reasons == ["dti"]


def test_leasing_and_banks_that_decide_by_themselves_are_not_counted_here():
    limit(LimitKind.SHARE_MODERATE, "0")
    make.programme(financing_type="leasing")
    assert make.application(**MODERATE, financing_type="leasing").reasons == ["dti"]
    make.programme(connection="vega")
    assert make.application(**MODERATE).status == "scoring"


def test_an_offer_taken_in_the_next_quarter_counts_there():
    limit(LimitKind.SHARE_MODERATE, "20")
    limit(LimitKind.PLAN, "10000000", last=date(2026, 6, 30))
    make.programme()
    offered = make.application(**MODERATE, now=SPRING)
    services.approve_application(application_id=offered.pk, manager_id=uuid7(), now=SPRING)
    with pytest.raises(LendingShareFull):
        services.accept_offer(application_id=offered.pk, customer_id=offered.customer_id, now=SUMMER)
    limit(LimitKind.PLAN, "10000000", first=date(2026, 7, 1))
    taken = services.accept_offer(application_id=offered.pk, customer_id=offered.customer_id, now=SUMMER)
    assert (taken.status, taken.counted_in) == ("accepted", date(2026, 7, 1))


@pytest.mark.django_db(transaction=True, databases=["financing", "catalog"])
def test_parallel_approvals_never_pass_the_share_together():
    limit(LimitKind.SHARE_MODERATE, "20")
    limit(LimitKind.PLAN, "22500000")
    make.programme()
    waiting = [make.application(**MODERATE) for _ in range(8)]
    gate = Barrier(len(waiting))

    def try_to(application):
        gate.wait()
        try:
            approve(application)
        except LendingShareFull:
            return "full"
        finally:
            connections.close_all()
        return "approved"

    with ThreadPoolExecutor(len(waiting)) as pool:
        outcomes = sorted(pool.map(try_to, waiting))
    assert outcomes == ["approved"] * 3 + ["full"] * 5
    assert Application.objects.filter(status="approved").count() == 3


# Writing them -------------------------------------------------------------------------------------------------------
HEAD = "limit,bank,value,valid_from,valid_to,source\n"
ROW = 'psk_new_car,,26.699,2025-07-01,2025-09-30,"garant.ru, 411925014"\n'


def test_a_file_is_imported_once_and_a_correction_leaves_the_old_row_as_history(tmp_path, capsys):
    path = tmp_path / "limits.csv"
    for row in (ROW, ROW, ROW.replace("26.699", "26.700")):
        path.write_text(HEAD + row)
        call_command("import_credit_limits", path)
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(" read")[0] for line in said] == [
        "1 limits added, 0 withdrawn, 1", "0 limits added, 0 withdrawn, 1", "1 limits added, 1 withdrawn, 1",
    ]  # fmt: skip
    old, new = CreditLimit.objects.order_by("pk")
    assert (old.value, new.value) == (Decimal("26.699"), Decimal("26.700"))
    assert (old.withdrawn_at is None, new.withdrawn_at) == (False, None)


@pytest.mark.parametrize(("row", "said"), [
    ("psk_any,,26,2025-07-01,2025-09-30,x\n", "line 2"),
    ("psk_new_car,,,2025-07-01,2025-09-30,x\n", "line 2: value is missing"),
    ("psk_new_car,,26,2025-07-01,2025-09-30,\n", "line 2: source is missing"),
    ("psk_new_car,,26,2025-07-01,2025-06-30,x\n", "valid_to"),
    ("psk_new_car,,-1,2025-07-01,2025-09-30,x\n", "value"),
    ("psk_new_car,,NaN,2025-07-01,2025-09-30,x\n", "value"),
    ("share_50_80,,1001,2025-07-01,2025-09-30,x\n", "value"),
])  # fmt: skip
def test_a_wrong_file_changes_nothing(tmp_path, row, said):
    path = tmp_path / "limits.csv"
    path.write_text(HEAD + row + ROW)
    with pytest.raises(CommandError, match=said):
        call_command("import_credit_limits", path)
    assert not CreditLimit.objects.exists()


def test_limits_are_checked_before_they_are_written():
    with pytest.raises(InvalidInput) as wrong:
        limit(LimitKind.PLAN, "1.0001")
    assert wrong.value.errors[0]["field"] == "rows.1.value"
