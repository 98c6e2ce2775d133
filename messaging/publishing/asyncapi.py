"""The AsyncAPI 3.0 document: every public event, the live feeds and the webhooks, read from their own declarations.

Nothing is written twice. Events come from `core.events.REGISTRY`; an app that speaks to the outside by other
channels describes them in its `asyncapi.py`, with the very structs that it sends.
"""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, get_type_hints

import msgspec
import yaml

from core.events import REGISTRY, Message
from core.plugins import plugins
from messaging.publishing.envelope import DATA_SCHEMA, CloudEvent
from messaging.publishing.topics import EXCHANGE, get_topic

_REFERENCE = "#/components/schemas/{name}"
Schema = dict[str, Any]


@dataclass(frozen=True)
class Channel:
    """A WebSocket of an app: what the server says there, and what it listens to.

    `parameters` are those of the address, `query` those of the opening request: name → sentence.
    """

    name: str
    address: str
    summary: str
    says: tuple[type[msgspec.Struct], ...]
    hears: tuple[type[msgspec.Struct], ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


_channels: dict[str, Channel] = {}


def describe_channel(channel: Channel) -> None:
    """Add an app's channel to the document; to be called in the app's `plugin/channels.py`."""
    _channels[channel.name] = channel


def channels() -> list[Channel]:
    """Channels that apps described, by name."""
    for plugin in plugins().values():
        if plugin.channels:
            import_module(plugin.channels)
    return [_channels[name] for name in sorted(_channels)]


def events() -> list[type[Message]]:
    """List every declared event and every command that is sent, by the app whose log they stand in, and by name."""
    return sorted(REGISTRY.values(), key=lambda event: (event.app(), event.type))


def document() -> Schema:
    """Build the whole document.

    Saga steps and commands are not promised to integrators and stand in no channel, but under `x-internal-events`:
    deliveries that are under way during a deploy must still be readable after it.
    """
    known, sockets = events(), channels()
    public = [event for event in known if not event.internal]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Autosalon",
            "version": "1.0.0",
            "description": "Events, live feeds and webhooks of the dealership. Delivery is at least once: drop what "
            "you have seen by `id`, and order one subject's events by `sequence`.",
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": _event_channels(public) | _webhook_channel() | _socket_channels(sockets),
        "operations": _event_operations(public) | _webhook_operation() | _socket_operations(sockets),
        "components": {
            "messages": _event_messages(public) | _webhook_message() | _socket_messages(sockets),
            "schemas": build_schemas([CloudEvent, *known, *_spoken(sockets)]),
            "securitySchemes": {
                "ticket": {
                    "type": "httpApiKey",
                    "name": "ticket",
                    "in": "query",
                    "description": "One use, 30 s, from `POST /api/v1/auth/ws-ticket`. Or offer the subprotocols "
                    "`bearer` and `<access token>`.",
                }
            },
        },
        "x-internal-events": {
            event.type: {"x-version": event.version, "data": _reference(event)} for event in known if event.internal
        },
    }


def as_yaml() -> str:
    """Write the document as text; equal declarations give equal text."""
    text: str = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)
    return text


def _servers() -> Schema:
    return {
        "feed": {
            "host": "{host}",
            "protocol": "wss",
            "description": "The live feeds. Close codes: 4401 not signed in, 4403 not allowed, 4404 not found, 4408 "
            "too slow a reader, 4429 too many messages or sockets; 1012 and 1013: connect again in a moment.",
            "variables": {"host": {"default": "127.0.0.1:8000", "description": "Where the shop is served."}},
            "security": [{"$ref": "#/components/securitySchemes/ticket"}],
        },
        "stream": {
            "host": "{broker}",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "The external stream: RabbitMQ, when AUTOSALON_STREAM_URL names one.",
            "variables": {"broker": {"default": "rabbitmq:5672", "description": "The broker's address."}},
        },
    }


# Events on the external stream ----------------------------------------------------------------------------------------
def _by_topic(public: Iterable[type[Message]]) -> dict[str, list[type[Message]]]:
    found: dict[str, list[type[Message]]] = {}
    for event in public:
        found.setdefault(get_topic(event.app()), []).append(event)
    return dict(sorted(found.items()))


def _event_channels(public: list[type[Message]]) -> Schema:
    return {
        topic: {
            "address": "{type}",
            "summary": f"Events of {members[0].app()}.",
            "description": f"Routing key: the event's type. The header `topic` says `{topic}`.",
            "servers": [{"$ref": "#/servers/stream"}],
            "parameters": {"type": {"description": "Type of the event.", "enum": [event.type for event in members]}},
            "messages": {event.type: {"$ref": f"#/components/messages/{event.type}"} for event in members},
            "bindings": {
                "amqp": {
                    "is": "routingKey",
                    "exchange": {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False},
                    "bindingVersion": "0.3.0",
                }
            },
        }
        for topic, members in _by_topic(public).items()
    }


def _event_operations(public: list[type[Message]]) -> Schema:
    return {
        f"publish-{topic}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{topic}"},
            "summary": f"Publish what happened in {members[0].app()}.",
            "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": "0.3.0"}},
        }
        for topic, members in _by_topic(public).items()
    }


def _event_messages(public: list[type[Message]]) -> Schema:
    return {event.type: describe_event(event) for event in public}


def describe_event(event: type[Message]) -> Schema:
    """Describe the message that tells of an event."""
    constants = {
        "source": f"/autosalon/{event.app()}",
        "type": event.type,
        "dataschema": DATA_SCHEMA.format(type=event.type, version=event.version),
    }
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": prose(event),
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "properties": {"topic": {"type": "string", "const": get_topic(event.app())}},
            "required": ["topic"],
        },
        "payload": {
            "allOf": [
                {"$ref": _REFERENCE.format(name="CloudEvent")},
                {
                    "type": "object",
                    "properties": {
                        **{name: {"type": "string", "const": value} for name, value in constants.items()},
                        "subject": {"type": "string", "description": f"The event's `{event.key}`."},
                        "data": _reference(event),
                    },
                },
            ]
        },
        "x-version": event.version,
        "x-aggregate": event.aggregate,
    }


# Webhooks -------------------------------------------------------------------------------------------------------------
def _webhook_channel() -> Schema:
    return {
        "webhooks": {
            "address": None,
            "summary": "The address that an integrator registered.",
            "description": "Only a 2xx answer counts as received; redirects are not followed.",
            "messages": {"webhook": {"$ref": "#/components/messages/webhook"}},
        }
    }


def _webhook_operation() -> Schema:
    return {
        "call-webhooks": {
            "action": "send",
            "channel": {"$ref": "#/channels/webhooks"},
            "summary": "Post an event to an endpoint that asked for its type.",
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        }
    }


def _webhook_message() -> Schema:
    headers = {
        "webhook-id": "The event's id: the same on every retry.",
        "webhook-timestamp": "When this attempt was made, seconds since 1970.",
        "webhook-signature": "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; several, separated by spaces, "
        "while a secret is being replaced.",
    }
    return {
        "webhook": {
            "name": "webhook",
            "title": "Webhook",
            "summary": "One public event, signed as Standard Webhooks asks.",
            "contentType": "application/json",
            "headers": {
                "type": "object",
                "properties": {name: {"type": "string", "description": text} for name, text in headers.items()},
                "required": list(headers),
            },
            "payload": {"$ref": _REFERENCE.format(name="CloudEvent")},
        }
    }


# Sockets --------------------------------------------------------------------------------------------------------------
def _spoken(sockets: list[Channel]) -> list[type[msgspec.Struct]]:
    return list({struct: None for channel in sockets for struct in (*channel.says, *channel.hears)})


def _socket_channels(sockets: list[Channel]) -> Schema:
    return {channel.name: _socket_channel(channel) for channel in sockets}


def _socket_channel(channel: Channel) -> Schema:
    described: Schema = {
        "address": channel.address,
        "summary": channel.summary,
        "servers": [{"$ref": "#/servers/feed"}],
        "messages": {
            struct.__name__: {"$ref": f"#/components/messages/{struct.__name__}"} for struct in _spoken([channel])
        },
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "properties": {
                        name: {"type": "string", "description": text} for name, text in channel.query.items()
                    },
                },
                "bindingVersion": "0.1.0",
            }
        },
    }
    if channel.parameters:
        described["parameters"] = {name: {"description": text} for name, text in channel.parameters.items()}
    return described


def _socket_operations(sockets: list[Channel]) -> Schema:
    return {
        name: {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel.name}"},
            "messages": [{"$ref": f"#/channels/{channel.name}/messages/{one.__name__}"} for one in structs],
        }
        for channel in sockets
        for name, action, structs in (
            (f"say-on-{channel.name}", "send", channel.says),
            (f"hear-on-{channel.name}", "receive", channel.hears),
        )
        if structs
    }


def _socket_messages(sockets: list[Channel]) -> Schema:
    return {
        struct.__name__: {
            "name": struct.__name__,
            "title": struct.__name__,
            "summary": prose(struct),
            "payload": _reference(struct),
        }
        for struct in _spoken(sockets)
    }


# Schemas --------------------------------------------------------------------------------------------------------------
def prose(declared: type) -> str:
    """Return what a declaration says of itself, on one line."""
    return " ".join((inspect.getdoc(declared) or "").split())


def _reference(struct: type[msgspec.Struct]) -> Schema:
    return {"$ref": _REFERENCE.format(name=struct.__name__)}


class AmbiguousName(ValueError):
    """Two structs of the document have one name, which names a schema."""


def build_schemas(structs: Iterable[type[msgspec.Struct]]) -> Schema:
    """JSON Schema of all structs and of those within them. Raises AmbiguousName."""
    _, found = msgspec.json.schema_components(structs, ref_template=_REFERENCE)
    by_name = _closure(structs)
    if set(found) != set(by_name):
        raise AmbiguousName(", ".join(sorted(set(found) ^ set(by_name))))
    for name, schema in found.items():
        if "description" in schema:
            schema["description"] = prose(by_name[name])
        for moment in _moments(by_name[name]):
            _mark_moment(schema["properties"][moment])
    return dict(sorted(found.items()))


def _closure(structs: Iterable[type[msgspec.Struct]]) -> dict[str, type]:
    """Structs and the structs in their fields, by name."""
    known: dict[str, type] = {}
    waiting: list[Any] = list(structs)
    while waiting:
        item = waiting.pop()
        if isinstance(item, type) and issubclass(item, msgspec.Struct):
            if item.__name__ not in known:
                known[item.__name__] = item
                waiting.extend(get_type_hints(item).values())
        else:
            waiting.extend(getattr(item, "__args__", ()))
    return known


def _moments(struct: type) -> list[str]:
    """Fields that hold a moment. msgspec gives them no format, since a moment could lack its zone; ours never do."""
    fields = {one.name: one.encode_name for one in msgspec.structs.fields(struct)}
    hints = get_type_hints(struct)
    return [
        encoded
        for name, encoded in fields.items()
        if hints[name] is datetime or datetime in getattr(hints[name], "__args__", ())
    ]


def _mark_moment(schema: Schema) -> None:
    for one in schema.get("anyOf", [schema]):
        if one.get("type") == "string":
            one["format"] = "date-time"
