"""Declare what an operator may switch off at once, without a release: an app names its switches in its `plugin`."""

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A part of the product that can be off. `name` begins with its app's, which alone asks how it stands.

    `title` and `description` are for administrators, `refusal` is what a person hears while it is off. `is_on` is how
    it stands until somebody turns it.
    """

    name: str
    title: Promise
    description: Promise
    refusal: Promise
    is_on: bool = True

    @property
    def app(self) -> str:
        """The app whose part it is, and in whose database its turns stand."""
        return self.name.partition(".")[0]
