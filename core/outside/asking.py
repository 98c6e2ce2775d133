"""Questions to other machines that come up inside a transaction: nothing may wait for a network while it holds locks.

Plumbing that opens a transaction around work it knows nothing of (the dispatcher, the keys of idempotency) runs it by
`with_answers`. A question asked inside rolls the transaction back, is put outside, and the work begins again with the
answer at hand.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from core.db import InsideTransaction, is_any_open
from core.errors import TurnedBack, Unavailable

T = TypeVar("T")
MAX_QUESTIONS = 50
"""As many different questions may one piece of work have."""


class PeerAway(Unavailable):
    """The service on another machine that has to be asked does not answer; later it may."""


class QuestionAsked(TurnedBack):
    """Rolls back the transaction in which a question came up; `with_answers` catches it."""

    def __init__(self, key: str, question: Callable[[], Any]) -> None:
        super().__init__(key)
        self.key, self.question = key, question


_answers: ContextVar[dict[str, Callable[[], Any]] | None] = ContextVar("autosalon_answers", default=None)


def ask(key: str, question: Callable[[], T]) -> T:
    """Put a question to another machine, at once or where no transaction is open; equal keys mean equal questions.

    Raises what the question raises, and InsideTransaction where nobody could begin the work again.
    """
    answers = _answers.get()
    if answers is not None and key in answers:
        return cast(T, answers[key]())
    if not is_any_open():
        return question()
    if answers is None:
        raise InsideTransaction(f"{key} is asked of another machine inside a transaction")
    raise QuestionAsked(key, question)


def with_answers(work: Callable[[], T]) -> T:
    """Do work that opens and ends a transaction; begin it again for each question that it asks inside."""
    if _answers.get() is not None or is_any_open():
        return work()
    answers: dict[str, Callable[[], Any]] = {}
    token = _answers.set(answers)
    try:
        while True:
            try:
                return work()
            except QuestionAsked as asked:
                if asked.key in answers or len(answers) >= MAX_QUESTIONS:
                    raise
                answers[asked.key] = _put(asked.question)
    finally:
        _answers.reset(token)


def _put(question: Callable[[], T]) -> Callable[[], T]:
    """Answer once, whatever comes of it: an error is an answer too, and is raised where the question was asked."""
    try:
        found = question()
    except Exception as error:
        return _raising(error)
    return lambda: found


def _raising(error: Exception) -> Callable[[], Any]:
    def again() -> Any:
        raise error

    return again
