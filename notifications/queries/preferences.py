"""Read how a person wants to be told, kind by kind."""

from dataclasses import dataclass
from datetime import time
from uuid import UUID

from notifications.models import Channel, Kind, Preference, Recipient, offered_channels


@dataclass(frozen=True)
class Wished:
    """The channels of one kind of news."""

    kind: str
    in_app: bool
    email: bool
    sms: bool


@dataclass(frozen=True)
class QuietHours:
    """Hours when nothing may ring: wall-clock times, `until` itself is loud again; may span midnight."""

    start: time
    until: time


@dataclass(frozen=True)
class Preferences:
    """A person's manner, and channels for every kind that concerns them, those never touched included."""

    language: str
    time_zone: str
    quiet_hours: QuietHours | None
    digest: bool
    preferences: list[Wished]


def load_preferences(user_id: UUID, kinds: list[Kind]) -> Preferences:
    """Return what a person wants, or what they get by default."""
    known = {item.kind: item for item in Preference.objects.filter(user_id=user_id)}
    recipient = Recipient.objects.filter(pk=user_id).first() or Recipient(user_id=user_id)
    quiet = recipient.quiet_from is not None and recipient.quiet_until is not None
    return Preferences(
        language=recipient.language,
        time_zone=recipient.zone,
        quiet_hours=QuietHours(recipient.quiet_from, recipient.quiet_until) if quiet else None,  # type: ignore[arg-type]
        digest=recipient.is_digest_wanted,
        preferences=[_wished(known.get(kind) or Preference.usual(kind)) for kind in kinds],
    )


def _wished(item: Preference) -> Wished:
    offered = offered_channels()
    channels = {channel: channel in offered and item.wants(channel) for channel in Channel}
    return Wished(item.kind, channels[Channel.IN_APP], channels[Channel.EMAIL], channels[Channel.SMS])
