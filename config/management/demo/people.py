"""Made-up people: names as they are common, phones and mailboxes that belong to nobody."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from uuid import UUID

from accounts.models import Role, User
from accounts.services import create_user

_MEN = ("Алексей", "Андрей", "Артём", "Виктор", "Дмитрий", "Игорь", "Кирилл", "Максим", "Николай", "Павел", "Сергей")
_WOMEN = ("Алина", "Анна", "Вера", "Дарья", "Елена", "Ирина", "Ксения", "Мария", "Наталья", "Ольга", "Юлия")
_NAMES = (
    "Абрамов", "Белов", "Васильев", "Громов", "Данилов", "Ершов", "Жуков", "Зайцев", "Ильин", "Калинин", "Лебедев",
    "Макаров", "Никитин", "Орлов", "Панов", "Родионов", "Соколов", "Тарасов", "Уваров", "Фомин", "Царёв", "Шубин",
)  # fmt: skip
DOMAIN = "demo.example.com"


@dataclass(frozen=True)
class Person:
    """A made-up client before they come in: how they are called and reached, and when they were born."""

    email: str
    full_name: str
    phone: str
    born: date


def imagine(dice: Random, number: int) -> Person:
    """Return the person of a number; the same dice throw the same person."""
    is_woman = dice.random() < 0.45
    first, last = dice.choice(_WOMEN if is_woman else _MEN), dice.choice(_NAMES)
    return Person(
        email=f"client-{number:04}@{DOMAIN}",
        full_name=f"{first} {last}{'а' if is_woman else ''}",
        phone=f"+7 900 {number // 10_000 % 1000:03}-{number // 100 % 100:02}-{number % 100:02}",
        born=date(dice.randint(1958, 2001), dice.randint(1, 12), dice.randint(1, 28)),
    )


def known_emails() -> set[str]:
    """Return the mailboxes of made-up people who are here already."""
    return set(User.objects.filter(email__endswith=f"@{DOMAIN}").values_list("email", flat=True))


def come_in(person: Person, *, now: datetime) -> UUID:
    """Open an account for a made-up person; nobody knows its password."""
    user: User = create_user(
        email=person.email,
        password=secrets.token_urlsafe(24),
        full_name=person.full_name,
        phone=person.phone,
        now=now,
    )
    return user.id


def find_colleague(name: str, role: Role, *, now: datetime) -> UUID:
    """Return a colleague of the demo, hired at the first time."""
    email = f"{role.value}@{DOMAIN}"
    found = User.objects.filter(email=email).first()
    user: User = found or create_user(
        email=email, password=secrets.token_urlsafe(24), full_name=name, roles=[role], now=now
    )
    return user.id
