"""Readers that lose their connection again and again end up knowing what the database knows, each change told once.

AUTOSALON_FEED_DISCONNECTS=1000 runs the whole storm: a thousand disconnects over two hundred orders.
"""

import os

import pytest

from orders.tests.live import fresh_hub
from orders.tests.storm import Storm

pytestmark = pytest.mark.django_db(databases=["orders", "catalog"], transaction=True)
DISCONNECTS = int(os.environ.get("AUTOSALON_FEED_DISCONNECTS", "60"))


@pytest.mark.timeout(900)
def test_no_disconnect_costs_or_doubles_a_change(monkeypatch, settings):
    settings.RATE_LIMITS_ON = False
    with fresh_hub(monkeypatch, threads=4):
        storm = Storm(orders=max(12, DISCONNECTS // 5), disconnects=DISCONNECTS)
        storm.run()
    assert storm.done >= DISCONNECTS
    for reader in storm.readers:
        name = f"{type(reader).__name__} {reader.path}"
        replica = reader.replica
        expected = {order_id: storm.truth[order_id] for order_id in reader.ids}
        rebuilt = {order_id: (replica.statuses.get(order_id), replica.seqs.get(order_id)) for order_id in reader.ids}
        assert rebuilt == expected, name
        assert set(replica.seqs) == set(reader.ids), f"{name} heard of others' orders"
        assert (replica.gaps, replica.doubles, replica.resyncs) == (0, 0, 0), name
    print(
        f"{storm.done} disconnects, {len(storm.readers)} readers, {len(storm.truth)} orders, "
        f"{sum(seq for _, seq in storm.truth.values())} changes: 0 gaps, 0 duplicates"
    )
