"""The page docs/value-leaving.md, written from the declarations: every way that value can leave."""

from django.conf import settings
from django.utils import translation

from gateway.approvals.kinds import ALWAYS, NEVER, Kind, kinds, rules

HEAD = """# How value can leave

Every way by which money, goods or claims can leave the shop, written from the declarations in each app's
`approvals.py` by `manage.py value_leaving`. Code that lets value out runs only within a declared way: it asks for a
permit of the open transaction (`gateway.approvals.require_permit`) and refuses without.

## By a person

Whoever starts it is staff; nobody starts it with what is their own, be it by their client card. The second person is
another member of the staff than the one who asked, than the one it favours, and than the one on whose word it rests.
A limit is what one person may give away in one day of the dealer's, over all objects, and what all people together may
of one object; kinds that name the same sum share it within an app. Every row is tried by
`tests/value/test_second_person.py`: alone, on oneself (also by one's card), in five pieces, in pieces at once, agreed
to twice at once, turned down, expired.

| Kind | What leaves | Ways in | Alone, a day | Who must agree above it |
| --- | --- | --- | --- | --- |
"""
RULES = """
## By a rule

No person decides here; what makes that right stands beside it.

| Rule | Why | Set off by |
| --- | --- | --- |
"""


def render() -> str:
    """The page."""
    with translation.override("en"):
        people = [_row(kind) for kind in kinds()]
    automatic = [
        f"| `{one.name}` | {one.why} | {', '.join(f'`{way}`' for way in one.heard) or 'the actions above'} |"
        for one in rules()
    ]
    return HEAD + "\n".join(people) + "\n" + RULES + "\n".join(automatic) + "\n"


def _row(kind: Kind) -> str:
    doors = "<br>".join(f"`{door}`" for door in kind.doors)
    return f"| `{kind.name}`<br>{kind.title} | {kind.gives} | {doors} | {_alone(kind)} | {_second(kind)} |"


def _alone(kind: Kind) -> str:
    if kind.limit == ALWAYS:
        return "nothing"
    if kind.limit == NEVER:
        return "everything, but never one's own"
    shared = f", with `{kind.pool}`" if kind.pool else ""
    return f"`AUTOSALON_{kind.limit}` ({getattr(settings, kind.limit):,} ₽){shared}"


def _second(kind: Kind) -> str:
    if kind.limit == NEVER:
        return "nobody"
    return "another administrator" if kind.by_admins else "another member of the staff"
