"""Ask for the codes of marked goods at the handover, and free them when what they name is not sold after all."""

from collections.abc import Sequence
from uuid import UUID

from orders.errors import MarkCodesMissing
from orders.models import Freed, MarkCode, OrderLine
from orders.queries.marks import read_marks
from orders.services.history import record_step
from orders.services.locking import LockedOrder


def require_marks(saga: LockedOrder) -> None:
    """Hand no marked goods over whose pieces have not all their code. Raises MarkCodesMissing."""
    marks = read_marks(saga.order.id)
    if marks.missing:
        lines = [
            {"line_id": str(line.line_id), "name": line.name, "missing": line.missing}
            for line in marks.lines
            if line.missing
        ]
        raise MarkCodesMissing(missing=marks.missing, lines=lines)


def free_marks(saga: LockedOrder, because: Freed, lines: Sequence[UUID] | None = None) -> None:
    """Let the codes of an order be sold again, or those of some of its lines; the caller saves the order."""
    live = MarkCode.objects.live().filter(order_id=saga.order.id)
    live = live if lines is None else live.filter(line_id__in=lines)
    codes = list(live.order_by("line_id", "piece").values_list("identity", flat=True))
    if not codes:
        return
    live.update(freed_at=saga.now, freed_because=because)
    record_step(saga, "marks.freed", now=saga.now, data={"because": because.value, "codes": codes})


def free_surplus(saga: LockedOrder, lines: Sequence[OrderLine]) -> None:
    """Free the codes of lines that have more of them than pieces now: which pieces stay is for a scanner to say."""
    left = {line.id: line.quantity for line in lines}
    counts: dict[UUID, int] = {}
    for line_id in MarkCode.objects.live().filter(order_id=saga.order.id).values_list("line_id", flat=True):
        counts[line_id] = counts.get(line_id, 0) + 1
    surplus = [line_id for line_id, count in counts.items() if count > left.get(line_id, 0)]
    if surplus:
        free_marks(saga, Freed.LOWERED, surplus)
