"""A deploy replaces one process after another: meanwhile two releases sell together, on the new schema."""

import os
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.chaos.audit import audit, mark
from tests.chaos.mixed import Mixed, NotHere, commit_before

pytestmark = pytest.mark.proof

ORDERS = int(os.environ.get("AUTOSALON_UPGRADE_ORDERS") or 5)
STAFFS = {
    "everything new but who speaks to the bank": {"external"},
    "new pages, old workers, new relay": {"worker", "external"},
    "old pages, new workers, old relay": {"web", "relay"},
    "new pages, old workers, old relay": {"worker", "external", "relay"},
    "old pages, new workers, new relay": {"web"},
}
USUAL = list(STAFFS)[1:3]
"""What every run of the tests tries; `make upgrade-test` tries them all, with more orders."""


@pytest.fixture(scope="module")
def mixed() -> Iterator[Mixed]:
    try:
        commit_before()
    except NotHere as reason:
        pytest.skip(str(reason))
    running = Mixed(settings.DATA_DIR / "upgrade")
    running.clear()
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("staff", STAFFS if "AUTOSALON_UPGRADE_ORDERS" in os.environ else USUAL)
def test_two_releases_sell_together(mixed, staff):
    since = mark(mixed)
    mixed.staff(STAFFS[staff])
    unpaid = mixed.sell(ORDERS)
    assert unpaid == [], mixed.still_moving()
    mixed.staff(())  # the deploy comes to its end: what the release before does not hear of has waited for that
    mixed.settle(60)
    assert audit(mixed, since) == []
