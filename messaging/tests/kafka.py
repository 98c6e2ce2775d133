"""A Kafka of our own for tests: one that KAFKA_FOR_TESTS names, else the cluster in the reference client.

librdkafka, the client that most others are bindings of, brings brokers of its own that speak the protocol over real
connections (topics with partitions, idempotent producers, groups) and keep everything in memory.
"""

import os
import time

import pytest

from core.ids import uuid7

PARTITIONS = 4


class Cluster:
    """Brokers, for as long as this lives."""

    def __init__(self) -> None:
        self.client = pytest.importorskip("confluent_kafka", reason="Kafka's client: pip install confluent-kafka")
        self.servers, self.brokers = os.environ.get("KAFKA_FOR_TESTS", ""), None
        if not self.servers:
            self.brokers = self.client.Producer({"test.mock.num.brokers": 1, "log_level": 0})
            known = self.brokers.list_topics(timeout=10).brokers.values()
            self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in known)

    def make(self, *topics):
        """Have topics before they are asked for: the client's own brokers leave a request for one unanswered."""
        if self.brokers is not None:
            for topic in topics:
                self.brokers.list_topics(topic, timeout=10)

    def read(self, *topics, count, seconds=20):
        """At least `count` records of topics, each partition's in order, and all that stands after them."""
        reader = self.client.Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": str(uuid7()),
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )
        try:
            known = reader.list_topics(timeout=10).topics
            places = [
                self.client.TopicPartition(topic, number, 0) for topic in topics for number in known[topic].partitions
            ]
            reader.assign(places)
            found, ended, deadline = [], set(), time.monotonic() + seconds
            while time.monotonic() < deadline and not (len(found) >= count and len(ended) == len(places)):
                record = reader.poll(0.2)
                if record is None:
                    continue
                place = record.topic(), record.partition()
                if record.error() and record.error().code() == self.client.KafkaError._PARTITION_EOF:
                    ended.add(place)
                    continue
                assert record.error() is None, record.error()
                ended.discard(place)
                found.append(record)
            return found
        finally:
            reader.close()
