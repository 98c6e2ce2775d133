"""The table of kinds: a vector's kind to the function that answers it from its inputs."""

from collections.abc import Callable, Mapping
from typing import Any

Inputs = Mapping[str, Any]
Answer = Callable[[Inputs], dict[str, Any]]
KINDS: dict[str, Answer] = {}


def answers(kind: str) -> Callable[[Answer], Answer]:
    """Register the function that answers a kind."""

    def register(answer: Answer) -> Answer:
        KINDS[kind] = answer
        return answer

    return register
