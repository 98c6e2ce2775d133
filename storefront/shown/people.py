"""Name people to those who work here."""

from django.utils.translation import gettext as _

from accounts.public import Person


def name_person(person: Person | None) -> str:
    """Return a person's name, or else their e-mail; somebody of whom nothing is known any more is called so."""
    return (person.full_name or person.email) if person else _("name unknown")
