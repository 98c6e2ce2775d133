"""Names under which events leave the house: the exchange of the external stream and each app's topic."""

EXCHANGE = "autosalon"
KAFKA_PREFIX = "autosalon."
"""Before each app's topic in Kafka: `autosalon.order-events`. Names without it are those of other contracts."""
UNROUTED = "autosalon.unrouted"
"""Queue of what no reader's queue was bound to receive."""

_FAMILIES = {"accounts": "user"}
"""Where the family is not the app's own name in the singular."""


def get_topic(app: str) -> str:
    """Topic of an app's events: `order-events` for orders, `user-events` for accounts."""
    return f"{_FAMILIES.get(app, app.removesuffix('s'))}-events"
