"""The three accounts of a first run, for trying things out; never outside debug."""

from datetime import datetime

from django.conf import settings

from accounts.errors import DemoRefused
from accounts.models import Role, User
from accounts.services import create_user

PASSWORD = "autosalon-demo"
PEOPLE = {
    "client@example.com": ("Анна Покупателева", "+7 900 000-00-01", [Role.CLIENT]),
    "manager@example.com": ("Михаил Салонов", "+7 900 000-00-02", [Role.MANAGER]),
    "admin@example.com": ("Алексей Главный", "+7 900 000-00-03", [Role.ADMIN]),
}


def create_demo(now: datetime) -> dict[str, User]:
    """Create the demo accounts that are missing, and return all of them by e-mail. Raises DemoRefused outside debug."""
    if not settings.DEBUG:
        raise DemoRefused("demo accounts have a published password: they are made in debug only")
    people = {user.email: user for user in User.objects.filter(email__in=PEOPLE)}
    for email, (full_name, phone, roles) in PEOPLE.items():
        if email not in people:
            people[email] = create_user(
                email=email, password=PASSWORD, full_name=full_name, phone=phone, roles=roles, now=now
            )
    return people
