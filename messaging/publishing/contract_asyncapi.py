"""The AsyncAPI 3.0 document of each contract: exchanges, queues and topics by their literal names, and their bodies."""

from typing import Any

import yaml

from core.events import REGISTRY
from core.outside.destinations import Destination
from messaging.publishing.asyncapi import Schema, build_schemas, describe_event
from messaging.publishing.destinations import declared
from messaging.publishing.envelope import CloudEvent

_SERVERS = {
    "amqp": {"host": "{broker}", "protocol": "amqp", "protocolVersion": "0.9.1", "description": "RabbitMQ."},
    "kafka": {"host": "{broker}", "protocol": "kafka", "description": "Kafka; any of its brokers."},
}
_BROKERS = {"amqp": "localhost:5672", "kafka": "localhost:9092"}


def as_yaml(letter: str) -> str:
    """Write one contract's document as text; equal tables give equal text."""
    text: str = yaml.safe_dump(document(letter), sort_keys=False, allow_unicode=True, width=110)
    return text


def letters() -> list[str]:
    """Letters of the contracts that have events."""
    return sorted(letter for letter, table in declared().items() if table)


def document(letter: str) -> Schema:
    """Build the document of one contract from its table."""
    table = declared()[letter]
    whole = sorted({name for row in table if row.body is None for name in row.events})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Autosalon: events of contract {letter.upper()}",
            "version": "1.0.0",
            "description": "Told at least once, in the order in which things happened to each subject.",
        },
        "defaultContentType": "application/json",
        "servers": {driver: _server(driver) for driver in sorted({row.driver for row in table})},
        "channels": {row.name: _channel(row) for row in table},
        "operations": {
            f"publish-{row.name}": {"action": "send", "channel": {"$ref": f"#/channels/{row.name}"}} for row in table
        },
        "components": {
            "messages": {
                **{name: describe_event(REGISTRY[name]) for name in whole},
                **{row.name: _message(row) for row in table if row.body is not None},
            },
            "schemas": build_schemas([CloudEvent, *(REGISTRY[name] for name in whole)]) if whole else {},
        },
    }


def _server(driver: str) -> Schema:
    broker = {"default": _BROKERS[driver], "description": "Where the broker listens."}
    return {**_SERVERS[driver], "variables": {"broker": broker}}


def _channel(row: Destination) -> Schema:
    names = row.events if row.body is None else (row.name,)
    is_topic = (row.driver, row.kind) == ("amqp", "topic")
    found: Schema = {"address": "{type}" if is_topic else row.name, "summary": f"From {', '.join(row.events)}."}
    if is_topic:
        found["parameters"] = {"type": {"description": "Type of the event.", "enum": list(row.events)}}
    return found | {
        "servers": [{"$ref": f"#/servers/{row.driver}"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": _bindings(row),
    }


def _bindings(row: Destination) -> dict[str, Any]:
    if row.driver == "kafka":
        return {"kafka": {"topic": row.name, "bindingVersion": "0.5.0"}}
    if row.kind == "queue":
        queue = {"name": row.name, "durable": True, "exclusive": False, "autoDelete": False}
        return {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"}}
    exchange = {"name": row.name, "type": row.kind, "durable": True, "autoDelete": False}
    return {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}}


def _message(row: Destination) -> Schema:
    return {"name": row.name, "summary": row.summary or f"From {', '.join(row.events)}.", "payload": row.schema}
