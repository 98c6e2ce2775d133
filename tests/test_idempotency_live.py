"""Fifty simultaneous requests with one Idempotency-Key, over real connections."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from django.conf import settings

from core.testing import token_for
from orders.models import Order
from orders.tests import make
from tests.live import Web

REPEATS = 50
ALL = [alias for alias in settings.DATABASES if alias != "default"]


@pytest.mark.proof
@pytest.mark.django_db(databases=ALL, transaction=True)
def test_fifty_at_once_have_one_effect_and_one_answer():
    body = {"items": [{"product_id": str(make.product(available=100)), "quantity": 1}]}
    headers = {"Authorization": f"Bearer {token_for()}", "Idempotency-Key": "one order, please"}
    start = threading.Barrier(REPEATS)
    with Web() as web:

        def send(_: int) -> httpx2.Response:
            with httpx2.Client(base_url=web.http.base_url, timeout=60) as client:
                start.wait()
                return client.post("/orders", json=body, headers=headers)

        with ThreadPoolExecutor(REPEATS) as pool:
            answers = list(pool.map(send, range(REPEATS)))
    assert Order.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_key_in_use"}
    created = [answer for answer in answers if answer.status_code == 201]
    assert len([answer for answer in created if "Idempotent-Replayed" not in answer.headers]) == 1
    assert {answer.json()["id"] for answer in created} == {str(Order.objects.get().id)}
