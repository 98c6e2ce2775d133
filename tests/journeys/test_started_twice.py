"""The product started a second time: beside itself, after itself, and by somebody who forgot on which port."""

import os
import signal

import pytest

from tests.product import free_port

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]


def test_a_second_start_is_told_who_runs(product):
    refused = product.manage("up")
    assert refused.returncode == 1
    assert f"already runs in this checkout (pid {product.process.pid})" in refused.stderr
    assert product.http.get("/products", params={"page_size": 1}).status_code == 200


def test_a_purchase_is_made_here_whatever_port_the_shell_names(product):
    own, product.env["AUTOSALON_PORT"] = product.env["AUTOSALON_PORT"], str(free_port())
    try:
        done = product.manage("simulate_purchase")
    finally:
        product.env["AUTOSALON_PORT"] = own
    assert done.returncode == 0, done.stdout + done.stderr


def test_started_again_it_keeps_everything_and_migrates_nothing(product):
    token = product.token()
    placed = product.buy(product.new_vehicle(), token).json()
    assert product.ended(placed["id"], token)["status"] == "paid"
    product.process.send_signal(signal.SIGTERM)
    product.process.wait(timeout=90)
    said = os.path.getsize(product.folder / "up.log")
    product.start()
    assert product.order(placed["id"], token)["status"] == "paid"
    assert " migrations in " not in (product.folder / "up.log").read_bytes()[said:].decode()
