"""The AsyncAPI document: whole, true to what is sent, current in the repository, and careful with its readers."""

import copy
import json
import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from core.events import REGISTRY
from core.ids import uuid7
from messaging.feeds.feed import FeedRow
from messaging.publishing import asyncapi, event_table
from messaging.publishing.compatibility import breaking_changes
from messaging.publishing.envelope import to_cloudevent

DOCS = Path(settings.BASE_DIR) / "docs"


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load(asyncapi.as_yaml())


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(document, reference):
    for key in reference.removeprefix("#/").split("/"):
        document = document[key]
    return document


def test_it_has_the_shape_of_asyncapi_3(document):
    assert document["asyncapi"] == "3.0.0"
    assert set(document["info"]) >= {"title", "version"}
    for server in document["servers"].values():
        assert set(server) >= {"host", "protocol"}
        assert set(re.findall(r"{(\w+)}", server["host"])) == set(server["variables"])
    for channel in document["channels"].values():
        assert "address" in channel
        assert set(re.findall(r"{(\w+)}", channel["address"] or "")) == set(channel.get("parameters", {}))
        assert all(set(message) == {"$ref"} for message in channel["messages"].values())
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = resolve(document, operation["channel"]["$ref"])
        for message in operation.get("messages", []):
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
            assert message["$ref"].rpartition("/")[2] in channel["messages"]
    names = [name for part in document["components"].values() for name in part]
    assert all(re.fullmatch(r"[\w.\-]+", name) for name in names)


def test_every_reference_leads_somewhere(document):
    found = set(references(document))
    assert found
    for reference in found:
        assert resolve(document, reference), reference


def test_every_schema_is_a_json_schema(document):
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft7Validator.check_schema(schema)
    assert "&id" not in asyncapi.as_yaml()


def test_every_public_event_is_in_a_channel_and_no_internal_one(document):
    public = {name for name, event in REGISTRY.items() if not event.internal}
    shown = {
        name for key, channel in document["channels"].items() if key.endswith("-events") for name in channel["messages"]
    }
    assert shown == public
    assert set(document["x-internal-events"]) == set(REGISTRY) - public
    assert {"user-events", "order-events", "payment-events"} <= set(document["channels"])


def validate(document, schema, instance):
    jsonschema.Draft7Validator({**schema, "components": document["components"]}).validate(instance)


def test_an_envelope_is_what_the_document_says(document):
    sent = json.loads(
        msgspec.json.encode(envelope("category.changed", {"category_id": str(uuid7()), "name": "Wagons"}))
    )
    message = document["components"]["messages"]["category.changed"]
    validate(document, message["payload"], sent)
    validate(document, document["components"]["messages"]["webhook"]["payload"], sent)
    for wrong in ({"type": "order.paid"}, {"data": {"name": "no id"}}, {"dataschema": "urn:other"}):
        with pytest.raises(jsonschema.ValidationError):
            validate(document, message["payload"], sent | wrong)


def envelope(name, data):
    return to_cloudevent(
        source="catalog",
        event_id=uuid7(),
        type=name,
        version=1,
        subject="1",
        seq=1,
        data=data,
        headers={},
        created_at=datetime.now(UTC),
        position=7,
    )


def test_a_frame_of_the_live_feed_is_what_the_document_says(document):
    from orders.queries.feed import parse_row

    fact = {
        "order_id": str(uuid7()),
        "customer_id": str(uuid7()),
        "number": "A-1",
        "status": "paid",
        "previous": None,
        "at": "2026-01-02T03:04:05Z",
    }
    frame = json.loads(parse_row(FeedRow(5, 1, "order.status_changed", json.dumps(fact))).text)
    validate(document, document["components"]["messages"]["StatusMessage"]["payload"], frame)
    with pytest.raises(jsonschema.ValidationError):
        validate(document, document["components"]["messages"]["StatusMessage"]["payload"], frame | {"type": "other"})


def test_the_feeds_stand_where_they_are_served(document):
    from notifications.consumers import websocket_urlpatterns as of_notifications
    from orders.consumers import websocket_urlpatterns as of_orders

    told = {channel["address"] for channel in document["channels"].values() if "ws" in channel.get("bindings", {})}
    assert told == {"/ws/orders/", "/ws/orders/{order_id}/", "/ws/manager/", "/ws/notifications/"}
    for address in told:
        path = address.lstrip("/").format(order_id=uuid7())
        assert any(route.pattern.match(path) for route in (*of_orders, *of_notifications)), address


def test_moments_have_a_format(document):
    assert document["components"]["schemas"]["StockReserved"]["properties"]["expires_at"]["format"] == "date-time"
    assert document["components"]["schemas"]["CloudEvent"]["properties"]["time"]["format"] == "date-time"


def test_two_structs_of_one_name_are_refused():
    first = msgspec.defstruct("Same", [("a", int)], module="one")
    second = msgspec.defstruct("Same", [("b", int)], module="two")
    with pytest.raises(asyncapi.AmbiguousName):
        asyncapi.build_schemas([first, second])


@pytest.mark.django_db(databases=["accounts"])
def test_it_is_served(document):
    response = Client().get("/api/asyncapi.yaml")
    assert (response.status_code, response["Content-Type"]) == (200, "application/yaml; charset=utf-8")
    assert yaml.safe_load(response.content) == document


# The committed files --------------------------------------------------------------------------------------------------
def test_the_committed_files_are_current():
    assert (DOCS / "asyncapi.yml").read_text() == asyncapi.as_yaml(), "run manage.py asyncapi"
    assert (DOCS / "events.md").read_text() == event_table.as_markdown(), "run manage.py asyncapi"


def test_the_table_names_every_event_and_who_reacts():
    text = event_table.as_markdown()
    for event in REGISTRY.values():
        assert f"| `{event.type}` |" in text
    row = next(line for line in text.splitlines() if line.startswith("| `stock.reserved` |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:4] == ["reservation, by `order_id`", "1", "public"]
    assert "`levels` list of StockLevel" in cells[5]
    assert "`orders.checkout`" in cells[6]
    assert "| StockLevel |" in text


@pytest.fixture
def folder(tmp_path, settings):
    (tmp_path / "docs").mkdir()
    settings.BASE_DIR = tmp_path
    return tmp_path / "docs"


def run(*arguments):
    output = StringIO()
    call_command("asyncapi", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_writes_what_is_not_current(folder):
    with pytest.raises(CommandError, match="not current"):
        run("--check")
    assert list(folder.iterdir()) == []
    assert "wrote docs/events.md" in run()
    assert "are current" in run("--check")
    (folder / "events.md").write_text("old")
    with pytest.raises(CommandError, match=r"not current: docs/events\.md"):
        run("--check")


def test_the_command_refuses_to_break_readers(folder, document):
    older = copy.deepcopy(document)
    fields = older["components"]["schemas"]["OrderPaid"]["properties"]
    fields["colour"] = {"type": "string"}
    (folder / "asyncapi.yml").write_text(yaml.safe_dump(older))
    for arguments in ((), ("--check",)):
        with pytest.raises(CommandError, match=r"order.paid: field colour was removed"):
            run(*arguments)
    run("--accept-breaking")
    assert "are current" in run("--check")


# Compatibility --------------------------------------------------------------------------------------------------------
def order_paid(document):
    return document["components"]["schemas"]["OrderPaid"]


def add_required(document):
    order_paid(document)["properties"]["colour"] = {"type": "string"}
    order_paid(document)["required"].append("colour")


def add_optional(document):
    order_paid(document)["properties"]["colour"] = {"type": "string", "default": ""}


def remove(document):
    del order_paid(document)["properties"]["currency"]
    order_paid(document)["required"].remove("currency")


def retype(document):
    order_paid(document)["properties"]["total_amount"] = {"type": "number"}


def make_nullable(document):
    order_paid(document)["properties"]["currency"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def reformat(document):
    order_paid(document)["properties"]["order_id"] = {"type": "string"}


def remove_nested(document):
    del document["components"]["schemas"]["StockLevel"]["properties"]["available"]


def add_nested(document):
    level = document["components"]["schemas"]["StockLevel"]
    level["properties"]["place"] = {"type": "string"}
    level["required"].append("place")


def drop_event(document):
    del document["components"]["messages"]["order.paid"]


def hide_event(document):
    message = document["components"]["messages"].pop("order.paid")
    data = message["payload"]["allOf"][1]["properties"]["data"]
    document["x-internal-events"]["order.paid"] = {"x-version": 1, "data": data}


def drop_internal(document):
    del document["x-internal-events"]["checkout.stock_requested"]


def break_socket(document):
    del document["components"]["schemas"]["StatusMessage"]["properties"]["seq"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (add_required, ["order.paid: field colour was added without a default"]),
        (remove, ["order.paid: field currency was removed"]),
        (retype, ["order.paid: field total_amount was string decimal and became number"]),
        (make_nullable, ["order.paid: field currency was string and became null or string"]),
        (reformat, ["order.paid: field order_id was string uuid and became string"]),
        (drop_event, ["order.paid: was removed"]),
        (hide_event, ["order.paid: is no longer public"]),
        (drop_internal, ["checkout.stock_requested: was removed"]),
        (break_socket, ["StatusMessage: field seq was removed"]),
        (
            remove_nested,
            [
                f"stock.{name}: field levels[].available was removed"
                for name in ("released", "reserved", "returned", "sold")
            ],
        ),
        (
            add_nested,
            [
                f"stock.{name}: field levels[].place was added without a default"
                for name in ("released", "reserved", "returned", "sold")
            ],
        ),
    ],
)
def test_a_change_that_breaks_readers_is_found(document, change, expected):
    newer = copy.deepcopy(document)
    change(newer)
    assert sorted(breaking_changes(document, newer)) == expected


def test_a_field_with_a_default_breaks_nobody(document):
    newer = copy.deepcopy(document)
    add_optional(newer)
    assert breaking_changes(document, newer) == []
    assert breaking_changes(newer, document) == ["order.paid: field colour was removed"]


@pytest.mark.parametrize("change", [add_required, remove, retype, make_nullable])
def test_a_new_version_may_change_everything(document, change):
    newer = copy.deepcopy(document)
    change(newer)
    newer["components"]["messages"]["order.paid"]["x-version"] = 2
    assert breaking_changes(document, newer) == []


def test_a_document_does_not_break_itself(document):
    assert breaking_changes(document, document) == []
