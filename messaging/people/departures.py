"""People who are leaving: from the moment their obligations are asked about, nothing new begins for them.

What begins an obligation holds a person's lock together with others of its kind and until it commits; whoever closes
the door has to have the lock alone. So an order placed at the same moment is either seen by those who look for what
ties the person, or it is refused.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from core.db import OutsideTransaction, fetch, in_transaction, lock, transaction
from core.errors import AccountClosing

LAPSE = timedelta(days=1)
"""So long a door stays shut when nobody ever says how the attempt ended: that lasts seconds."""

_IS_LEAVING = """
SELECT EXISTS (SELECT 1 FROM messaging_departure
               WHERE user_id = %s AND (left_at IS NOT NULL OR lapses_at > clock_timestamp()))
"""
_SHUT = """
INSERT INTO messaging_departure (user_id, closing_id, lapses_at) VALUES (%s, %s, clock_timestamp() + %s)
ON CONFLICT (user_id) DO UPDATE SET closing_id = excluded.closing_id, lapses_at = excluded.lapses_at
"""
_OPEN = "DELETE FROM messaging_departure WHERE closing_id = %s AND left_at IS NULL"
_LEFT = """
INSERT INTO messaging_departure (user_id, left_at) VALUES (%s, clock_timestamp())
ON CONFLICT (user_id) DO UPDATE
SET closing_id = NULL, lapses_at = NULL, left_at = coalesce(messaging_departure.left_at, excluded.left_at)
"""


def refuse_leavers(app: str, user_id: UUID) -> None:
    """Let something new begin for a person, in the transaction that is open.

    Raises AccountClosing while their account is being closed, and ever after; OutsideTransaction.
    """
    if not in_transaction(app):
        raise OutsideTransaction(f"nobody is held back outside transaction({app!r})")
    lock(app, f"departure:{user_id}", shared=True)
    ((is_leaving,),) = fetch(app, _IS_LEAVING, [user_id])
    if is_leaving:
        raise AccountClosing


def shut_door(app: str, user_id: UUID, closing_id: UUID) -> None:
    """Let nothing new begin for a person; what is being begun is waited for. Harmless when repeated."""
    with transaction(app):
        _alone(app, user_id, _SHUT, [user_id, closing_id, LAPSE])


def open_door(app: str, user_id: UUID, closing_id: UUID) -> None:
    """The attempt `closing_id` came to nothing, for the person's cards too; what a later one shut stays shut."""
    with transaction(app):
        _alone(app, user_id, _OPEN, [closing_id])


def record_departure(app: str, user_id: UUID) -> None:
    """The person's data is being erased, in the transaction that is open: the door stays shut for good."""
    _alone(app, user_id, _LEFT, [user_id])


def let_history_forget(app: str) -> None:
    """Tell the guards of what is only added to that this transaction forgets people: words may go, facts may not."""
    with connections[app].cursor() as cursor:
        cursor.execute("SELECT set_config('autosalon.forgets', 'on', true)")


def _alone(app: str, user_id: UUID, sql: str, parameters: list[Any]) -> None:
    lock(app, f"departure:{user_id}")
    with connections[app].cursor() as cursor:
        cursor.execute(sql, parameters)
