"""Word refusals as the contracts do, from our problem documents."""

from typing import Any


def say(problem: dict[str, Any]) -> str:
    """Return the reason in words: of invalid input, the fields and what is wrong with each."""
    rows = problem.get("errors") or []
    told = [f"{row['field']}: {row['detail']}" if row["field"] else row["detail"] for row in rows]
    return "; ".join(told) or str(problem["detail"])


_DROPPED = {"type", "title", "status"}


def detail_errors(problem: dict[str, Any]) -> dict[str, Any]:
    """Word a refusal as contracts A, B and E do: `detail`, and all that we know besides."""
    rest = {name: value for name, value in problem.items() if name not in _DROPPED}
    return {"detail": say(problem)} | {name: value for name, value in rest.items() if name != "detail"}


def message_errors(problem: dict[str, Any]) -> dict[str, Any]:
    """Word a refusal as contract D does: the reason by three names."""
    reason = say(problem)
    return {"error": reason, "message": reason} | detail_errors(problem)
