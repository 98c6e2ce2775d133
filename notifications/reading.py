"""How a person wants to be told, kind by kind."""

from dataclasses import dataclass
from uuid import UUID

from notifications.models import Channel, Kind, Preference, Recipient


@dataclass(frozen=True)
class Wished:
    """The channels of one kind of news."""

    kind: str
    in_app: bool
    email: bool
    sms: bool


@dataclass(frozen=True)
class Preferences:
    """A person's language and channels for every kind, those never touched included."""

    language: str
    preferences: list[Wished]


def preferences_of(user_id: UUID) -> Preferences:
    """What a person wants, or what they get by default."""
    known = {item.kind: item for item in Preference.objects.filter(user_id=user_id)}
    recipient = Recipient.objects.filter(pk=user_id).first() or Recipient(user_id=user_id)
    items = [known.get(kind) or Preference(kind=kind) for kind in Kind]
    return Preferences(
        language=recipient.language,
        preferences=[
            Wished(
                kind=item.kind,
                in_app=item.wants(Channel.IN_APP),
                email=item.wants(Channel.EMAIL),
                sms=item.wants(Channel.SMS),
            )
            for item in items
        ],
    )
