"""Loan arithmetic and the daily look: a schedule of 360 rows with ПСК, and 10,000 running loans in one command.

Times are held against limits and shown beside the same work done by the plainest means in the same run: a bare loop of
decimal operations for the schedule, and reading and writing the same rows for the daily look.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env

QUOTE_LIMIT_MS = 5.0
LOOK_LIMIT_S = 60.0
LOANS = 10_000
LENT = date(2026, 1, 31)


def main() -> int:
    """Measure, print, and return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loans", type=int, default=LOANS, help="running loans of the daily look")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    servers = bench_env.start(("financing",))
    try:
        rows = {**_quotes(), **_daily_look(options.loans, shown=not options.json)}
    finally:
        servers.stop()
    if options.json:
        print(json.dumps(rows))
    else:
        for name, row in rows.items():
            verdict = "ok" if row["value"] <= row["limit"] else "MISSED"
            print(
                f"{name:34} {row['value']:>9} {row['unit']:2} (limit {row['limit']:g}) {verdict}  "
                f"bare {row['bare']} {row['unit']}, ratio {row['ratio']}"
            )
    return int(any(row["value"] > row["limit"] for row in rows.values()))


def _row(value: float, limit: float, bare: float, unit: str) -> dict[str, Any]:
    return {
        "value": round(value, 2),
        "limit": limit,
        "bare": round(bare, 2),
        "ratio": round(value / bare, 1),
        "unit": unit,
    }


# A schedule of 360 rows -------------------------------------------------------------------------------------------
def _quotes() -> dict[str, dict[str, Any]]:
    from financing.rules.calculations import (
        Conventions,
        LoanTerms,
        Shift,
        build_schedule,
        calculate,
        psk,
        russian_calendar,
    )
    from financing.rules.calculations.apr import DatedFlow

    common = {
        "vehicle_price": Decimal(5_000_000),
        "down_payment": Decimal(1_000_000),
        "term_months": 360,
        "annual_rate": Decimal("6.9"),
    }
    working = Conventions(shift=Shift.FOLLOWING, calendar=russian_calendar(range(2026, 2058), {}))
    variants: dict[str, dict[str, Any]] = {
        "equal months": {},
        "dated, 31st": {"disbursement_date": LENT},
        "odd first period": {"disbursement_date": LENT, "first_payment_date": date(2026, 3, 5)},
        "working days": {"disbursement_date": LENT, "conventions": working},
    }
    bare = _median_ms(_bare_schedule)
    found = {}
    for name, changes in variants.items():
        taken = _median_ms(lambda changes=changes: calculate(LoanTerms(**common, **changes), today=LENT))
        found[f"quote of 360 rows, {name}"] = _row(taken, QUOTE_LIMIT_MS, bare, "ms")

    def with_psk() -> None:
        terms = LoanTerms(**common, disbursement_date=LENT)
        rows = build_schedule(terms).rows
        psk([DatedFlow(LENT, Decimal(-4_000_000)), *(DatedFlow(row.due_date or LENT, row.payment) for row in rows)])

    found["360 rows with ПСК alone, dated"] = _row(_median_ms(with_psk), QUOTE_LIMIT_MS, bare, "ms")
    return found


def _bare_schedule() -> None:
    """The least a schedule can be: 360 products, roundings and differences."""
    balance, payment, rate, kopeck = Decimal(4_000_000), Decimal("26343.95"), Decimal("6.9") / 1200, Decimal("0.01")
    for _ in range(360):
        interest = (balance * rate).quantize(kopeck)
        balance -= payment - interest


def _median_ms(work: Callable[[], Any], repeats: int = 31) -> float:
    """Processor time, so that a busy machine does not count."""
    """Processor time, so that a busy machine does not count."""
    times = []
    for _ in range(repeats):
        started = time.thread_time()
        work()
        times.append((time.thread_time() - started) * 1000)
    return statistics.median(times)


# The daily look ---------------------------------------------------------------------------------------------------
def _daily_look(count: int, *, shown: bool) -> dict[str, dict[str, Any]]:
    from unittest import mock

    from django.core.management import call_command

    _seed(count)
    late = datetime(LENT.year, LENT.month, LENT.day, tzinfo=UTC) + timedelta(days=45)
    taken = []
    for _ in range(2):
        with mock.patch("django.utils.timezone.now", return_value=late):
            started = time.perf_counter()
            call_command("accrue_loans", verbosity=int(shown))
            taken.append(time.perf_counter() - started)
    bare = _read_and_write()
    return {
        f"daily look at {count} loans, all late": _row(taken[0], LOOK_LIMIT_S, bare, "s"),
        "the same again, nothing new": _row(taken[1], LOOK_LIMIT_S, bare, "s"),
    }


def _read_and_write() -> float:
    """Read the same rows and write each loan once: what any daily job must do at least."""
    from financing.models import Loan

    started = time.perf_counter()
    loans = list(Loan.objects.prefetch_related("versions", "rows", "payments"))
    Loan.objects.bulk_update(loans, ["penalty_amount", "days_past_due"], batch_size=200)
    return time.perf_counter() - started


def _seed(count: int) -> None:
    """One loan made by the services, and copies of its rows."""
    from django.db import connections

    from financing import services
    from financing.models import Application, Loan, LoanEntry, LoanLine, LoanScheduleRow, LoanVersion
    from financing.tests import make

    with connections["financing"].cursor() as cursor:
        cursor.execute("TRUNCATE financing_application, financing_loan, financing_programme CASCADE")
    make.programme(rates={})
    now = datetime(LENT.year, LENT.month, LENT.day, 9, tzinfo=UTC)
    order = make.order()
    application = make.requested(order)
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=now)
    with connections["financing"].cursor() as cursor:
        cursor.execute(
            """CREATE TEMP TABLE fresh AS SELECT gen_random_uuid() AS application, gen_random_uuid() AS loan,
               gen_random_uuid() AS order_id, gen_random_uuid() AS version, gen_random_uuid() AS entry
               FROM generate_series(2, %s)""",
            [count],
        )
        own = {Application: "application", Loan: "loan", LoanVersion: "version", LoanEntry: "entry"}
        for model in (Application, Loan, LoanVersion, LoanScheduleRow, LoanEntry, LoanLine):
            changed = {"order_id": "fresh.order_id", "application_id": "fresh.application", "loan_id": "fresh.loan"}
            changed |= {"entry_id": "fresh.entry", "attempt_id": "NULL"}
            if model in own:
                changed["id"] = f"fresh.{own[model]}"
            columns = [field.column for field in model._meta.concrete_fields]
            columns = [name for name in columns if name != "id" or model in own]
            values = ", ".join(changed.get(name, f"one.{name}") for name in columns)
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "
                f"SELECT {values} FROM {model._meta.db_table} AS one, fresh"
            )
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    raise SystemExit(main())
