"""Keep in each app how staff call and reach people, and show and find them by it."""

from gateway.people.copies import (
    KNOWING,
    find_people,
    follow_people,
    forget_people,
    get_told,
    list_known,
    search_people,
)

__all__ = [
    "KNOWING",
    "find_people",
    "follow_people",
    "forget_people",
    "get_told",
    "list_known",
    "search_people",
]
