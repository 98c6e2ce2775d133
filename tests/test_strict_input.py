"""Hold what the API's bodies may hold: every operation of the document refuses what it would otherwise drop or bend."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from core.ids import uuid7
from tests.contract import document
from tests.permissions import objects, table
from tests.permissions.table import Row
from tests.permissions.test_matrix import ALSO, callers, home, undone

Node = dict[str, Any]
UNKNOWN = "no_such_field"
NAIVE = "2031-07-01T10:00:00"
BY_RULE = {"POST /auth/token": "RFC 6749 §3.2 has the server ignore what it does not know"}
"""Operations that let an unknown field pass."""
BY_THE_CLOCK = {
    "POST /events", "PUT /events/{}", "PATCH /events/{}", "POST /test-drives", "POST /resources/{}/allocate",
    "POST /resources/{}/blackouts",
}  # fmt: skip
"""Operations on something that has a wall clock: a moment without an offset is on it."""


def bodies(node: Node, path: tuple[str, ...] = (), seen: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where an object, an id or a moment may stand in a body, and which of them: `0` is the first of a list."""
    if (ref := node.get("$ref", "")) in seen:
        return
    if ref:
        yield from bodies(document()["components"]["schemas"][ref.rpartition("/")[2]], path, (*seen, ref))
    for part in (*node.get("oneOf", ()), *node.get("anyOf", ()), *node.get("allOf", ())):
        yield from bodies(part, path, seen)
    if node.get("format") in ("uuid", "date-time"):
        yield path, node["format"]
    if "properties" in node:
        yield path, "object"
    for name, inner in node.get("properties", {}).items():
        yield from bodies(inner, (*path, name), seen)
    if isinstance(node.get("items"), dict):
        yield from bodies(node["items"], (*path, "0"), seen)


def objects_in(node: Node, seen: frozenset[str] = frozenset()) -> Iterator[Node]:
    """Yield every object that names its members in a schema, itself included."""
    ref = node.get("$ref", "")
    if ref and ref not in seen:
        yield from objects_in(document()["components"]["schemas"][ref.rpartition("/")[2]], seen | {ref})
    if "properties" in node:
        yield node
    inner = [*node.get("properties", {}).values(), *([node["items"]] if isinstance(node.get("items"), dict) else [])]
    for part in (*inner, *node.get("oneOf", ()), *node.get("anyOf", ()), *node.get("allOf", ())):
        yield from objects_in(part, seen)


def test_the_document_says_that_nothing_else_may_be_sent():
    """Clients that check before they send find a misspelled field themselves; what they read may have new members."""
    open_, closed = set(), set()
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            name = f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path.removeprefix('/api/v1'))}"
            for kind in operation.get("requestBody", {}).get("content", {}).values():
                found = list(objects_in(kind["schema"]))
                (closed if all(one.get("additionalProperties") is False for one in found) else open_).add(name)
    assert len(closed) > 100
    assert open_ == set(BY_RULE)


def sent(path: tuple[str, ...], value: Any) -> Any:
    """A body with nothing but `value`, at its place."""
    for name in reversed(path):
        value = [value] if name == "0" else {name: value}
    return value


BY_PUT = {
    "/users/{}": {"full_name": "Anna", "phone": "+79001112233"},
    "/clients/{}": {"industry": "taxi", "inn": "7707083893"},
    "/events/{}": {"description": "New cars", "location": "Hall 2"},
    "/event-categories/{}": {"description": "Evenings"},
    "/resource-types/{}": {"description": "Lifts"},
    "/resources/{}": {"description": "By the door", "buffer_after": 15},
    "/webhooks/{}": {"description": "Their till"},
    "/legal-entities/{}": {"director": "Ivanov", "accountant": "Petrova"},
    "/campaigns/{}": {"make": "Lada", "is_combinable": True},
    "/coupons/{}": {"make": "Lada", "is_combinable": True},
}
"""What is said of an object before a PUT names only what it must."""
ACTIONS = {
    "/users/me", "/users/me/password", "/users/{}/roles", "/products/{}/images", "/orders/{}/status",
    "/notifications/preferences", "/cart/coupon", "/orders/{}/buyer-papers",
}  # fmt: skip
"""PUTs of one's own, and of a single thing: their own tests tell what they leave alone."""


def find_request_schema(row: Row) -> Node | None:
    """Return what the document says of a row's endpoint, if it takes JSON."""
    for path, item in document()["paths"].items():
        if re.sub(r"{[^}]*}", "{}", path.removeprefix("/api/v1")) == row.path and row.method.lower() in item:
            content = item[row.method.lower()].get("requestBody", {}).get("content", {})
            schema: Node | None = content.get("application/json", {}).get("schema")
            return schema
    return None


def cases() -> Iterator[Any]:
    for row in table.rows():
        schema = find_request_schema(row)
        if schema is not None:
            mark = pytest.mark.django_db(databases=[home(row), *ALSO.get(row.path, ())])
            yield pytest.param(row, sorted(set(bodies(schema))), marks=mark, id=f"{row.method} {row.path}")


@pytest.mark.parametrize(("row", "places"), list(cases()))
def test_nothing_of_a_body_is_dropped_or_bent(row, places, settings):
    settings.RATE_LIMITS_ON = False
    people = callers(row)
    ids = objects.ids_for(row.path, people["owner"].user_id) or [str(uuid7()) for _ in range(row.path.count("{}"))]
    path = row.path
    for one in ids:
        path = path.replace("{}", one, 1)
    caller = people["owner" if row.word in ("own", "mine", "signed in", "my list") else "admin"]
    name = f"{row.method} {row.path}"
    told = []
    for place, kind in places:
        value, where, code = {
            "object": ({UNKNOWN: 1}, (*place, UNKNOWN), "unknown_field"),
            "uuid": (1, place, "invalid"),
            "date-time": (NAIVE, place, "no_offset"),
        }[kind]
        if (kind == "object" and name in BY_RULE) or (kind == "date-time" and name in BY_THE_CLOCK):
            continue
        with undone(row):
            response = caller.request(row.method.lower(), path, sent(place, value))
        said = response.content.decode()
        errors = {wrong["field"]: wrong["code"] for wrong in response.json().get("errors", [])} if said else {}
        if response.status_code != 400 or errors.get(".".join(where)) != code:
            told.append(f"{'.'.join(where)}={value!r}: {response.status_code} {said[:400]}")
    assert not told, "\n".join(told)


def partial_cases() -> Iterator[Any]:
    """Yield every PATCH with the places of objects inside its body."""
    for case in cases():
        row, places = case.values
        inside = [place for place, kind in places if kind == "object" and place]
        if row.method == "PATCH" and inside:
            yield pytest.param(row, inside, marks=case.marks, id=case.id)


@pytest.mark.parametrize(("row", "places"), list(partial_cases()))
def test_an_object_inside_a_partial_body_is_whole(row, places, settings):
    settings.RATE_LIMITS_ON = False
    admin = callers(row)["admin"]
    path = row.path
    for one in objects.ids_for(row.path, uuid7()):
        path = path.replace("{}", one, 1)
    for place in places:
        with undone(row):
            response = admin.patch(path, sent(place, {}))
        assert response.status_code < 500, f"{place}: {response.content.decode()}"
        wanted = find_required(find_request_schema(row), place)
        said = {wrong["field"]: wrong["code"] for wrong in response.json().get("errors", [])}
        assert {f"{'.'.join(place)}.{name}" for name in wanted} <= said.keys(), f"{place}: {response.content.decode()}"


def find_required(node: Node | None, place: tuple[str, ...]) -> list[str]:
    """Return the members that the document demands of the object at a place of a body."""
    node = node or {}
    while ref := node.get("$ref") or next((part["$ref"] for part in node.get("allOf", ()) if "$ref" in part), ""):
        node = document()["components"]["schemas"][ref.rpartition("/")[2]]
    if not place:
        return list(node.get("required", []))
    name, *rest = place
    return find_required(node["items"] if name == "0" else node["properties"][name], tuple(rest))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=pytest.mark.django_db(databases=[home(row), *ALSO.get(row.path, ())]), id=row.path)
        for row in table.rows()
        if row.method == "PUT" and row.path not in ACTIONS
    ],
)
def test_a_put_empties_nothing_that_it_does_not_name(row):
    admin = callers(row)["admin"]
    owner = admin.user_id if row.part == "Accounts" else uuid7()
    path = row.path.replace("{}", (objects.ids_for(row.path, owner) or [str(owner)])[0])
    assert admin.patch(path, BY_PUT[row.path]).status_code == 200
    before = admin.get(path).json()
    schema = find_request_schema(row)
    assert schema is not None
    required = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]].get("required", [])
    assert admin.put(path, {name: before[name] for name in required}).status_code == 200
    changing = ("version", "updated_at")
    after = admin.get(path).json()
    assert {name: after[name] for name in before if name not in changing} == {
        name: before[name] for name in before if name not in changing
    }
