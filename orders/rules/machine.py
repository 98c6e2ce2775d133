"""The order's state machine as a table: what each role gets for each action in each state."""

from orders.models import EDITS, SYSTEM, TRANSITIONS, Edit, Status

ROLES = {
    "client": frozenset({"client"}),
    "manager": frozenset({"manager"}),
    "admin": frozenset({"admin"}),
    SYSTEM: frozenset({SYSTEM}),
}
ACTIONS = (*Status.values, *Edit.values)
DONE, NOT_YOURS, NOT_NOW = "yes", "403", "409"
TITLE = """# What may be done with an order

Made from the machine in `orders/models/order.py` by `manage.py order_states`; a test compares them, and another one
tries every cell over HTTP. `yes`: it is done. `403`: the state allows it, but somebody else has to do it. `409`: the
state does not allow it; the answer's `allowed` lists the statuses that this caller may choose now, `order` where the
order stands, and `last_change` what happened to it last. Another's order is 404 for a client whatever the cell says.

Columns are `PUT /orders/{id}/status` with that status (`cancelled` is also `POST /orders/{id}/cancel`), then changing
lines (`PATCH`, `DELETE /orders/{id}/items/{item_id}`, or `PATCH /orders/{id}` with `items`), `PATCH /orders/{id}` with
`comment`, and `DELETE /orders/{id}`. Lowering lines is changing them to less alone. The system's steps are the
checkout's, and those of a return (`POST /orders/{id}/return`, then `/returns/{id}/inspect`, `accept` or `refuse`).
"""


def outcome(status: str, action: str, role: str) -> str:
    """Return what a caller of this role gets for the action while an order (their own, if a client) has this status."""
    who = (EDITS if action in Edit.values else TRANSITIONS).get((status, action))
    if who is None:
        return NOT_NOW
    return DONE if who & ROLES[role] else NOT_YOURS


def table() -> str:
    """All cells as a page of Markdown."""
    head = f"| status | {' | '.join(ACTIONS)} |\n|{' --- |' * (len(ACTIONS) + 1)}\n"
    return TITLE + "".join(f"\n## {role}\n\n{head}{_rows(role)}" for role in ROLES)


def _rows(role: str) -> str:
    rows = (
        f"| {status} | {' | '.join(outcome(status, action, role) for action in ACTIONS)} |" for status in Status.values
    )
    return "\n".join(rows) + "\n"


def allowed(status: str, role: str) -> list[str]:
    """Statuses that a caller of this role may choose."""
    return [target for target in Status.values if outcome(status, target, role) == DONE]


__all__ = ["ACTIONS", "DONE", "NOT_NOW", "NOT_YOURS", "ROLES", "allowed", "outcome", "table"]
