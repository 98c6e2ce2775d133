"""Contract D's resources: what events need, and when it is taken."""

from contracts.d.table import CONTRACT, TEXT, say
from contracts.mapping import made, moment, number, show, take, uuid_of
from contracts.trips import Reply, Trip

TYPE = show(number("resource_type"), "name", "description", resource_type_id=number("resource_type", "id"))
RESOURCE = show(
    number("resource"), "name", "description", "quantity", resource_id=number("resource", "id"),
    resource_type_id=number("resource_type", "type_id"), capacity="quantity",
    status=made(
        lambda one: "available" if one["is_in_service"] else "maintenance",
        TEXT | {"enum": ["available", "maintenance"]},
    ),
)  # fmt: skip
WRITTEN = take(
    "name", "description", "quantity", resource_type_id=uuid_of("resource_type", "type_id"),
    type_id=uuid_of("resource_type"), capacity="quantity",
)  # fmt: skip
ALLOCATION = show(
    number("allocation"), "start_time", "end_time", "quantity", allocation_id=number("allocation", "id"),
    resource_id=number("resource"), event_id=number("event"),
    status=made(
        lambda one: "cancelled" if one["released_at"] else "confirmed", TEXT | {"enum": ["confirmed", "cancelled"]}
    ),
)  # fmt: skip

CONTRACT.route("GET /resources", call="GET /resources", answer=RESOURCE, is_list=True)
CONTRACT.route(
    "POST /resources", call="POST /resources", status=201, request=WRITTEN, answer=RESOURCE,
    example={"name": "Projector", "resource_type_id": 1, "description": "4K", "quantity": 2},
)  # fmt: skip
CONTRACT.route("GET /resources/{resource}", call="GET /resources/{resource}", answer=RESOURCE)
CONTRACT.route(
    "PUT /resources/{resource}", call="PATCH /resources/{resource}", request=WRITTEN, answer=RESOURCE,
    example={"quantity": 3},
)  # fmt: skip


@CONTRACT.handle("DELETE /resources/{resource}", call="DELETE /resources/{resource}")
def delete_resource(trip: Trip) -> Reply:
    """Take a resource out of the lists."""
    trip.call("DELETE", trip.fill("/resources/{resource}"))
    return Reply(say("Resource deleted successfully"))


CONTRACT.route("GET /resource-types", call="GET /resource-types", answer=TYPE, is_list=True)
CONTRACT.route(
    "POST /resources/{resource}/allocate", call="POST /resources/{resource}/allocate", status=201, answer=ALLOCATION,
    request=take("quantity", event_id=uuid_of("event"), start_time=moment, end_time=moment),
    example={
        "event_id": 1, "start_time": "2023-12-01T09:00:00", "end_time": "2023-12-01T19:00:00", "quantity": 1,
    },
)  # fmt: skip
CONTRACT.route(
    "GET /allocations", call="GET /allocations", answer=ALLOCATION, is_list=True,
    query=take(resource_id=uuid_of("resource"), event_id=uuid_of("event")),
)  # fmt: skip
