"""Everything may be started twice: the second start finds all done, and what was sold is still sold."""

import pytest

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]


def test_a_second_start_has_nothing_to_do(product):
    token = product.token()
    order = product.buy(product.new_vehicle(), token).json()
    assert product.ended(order["id"], token)["status"] == "paid"
    said = product.restart()
    assert "servers are up" in said
    assert "migrations" not in said
    assert "demo data made" not in said
    assert product.order(order["id"], token)["status"] == "paid"
    for _ in range(2):
        done = product.manage("migrate_all")
        assert (done.returncode, done.stdout) == (0, "every database is up to date\n"), done.stderr
    assert product.manage("migrate_all", "--check").returncode == 0
