"""The address of the external stream, refused at start-up where its promises could not be kept."""

from django.core.exceptions import ImproperlyConfigured

_KAFKA = (
    "AUTOSALON_STREAM_URL: kafka is not offered, because kombu's confluentkafka transport sends records without a key, "
    "so one order's events could overtake each other, and without delivery reports, so a lost one would count as "
    "published; name a RabbitMQ server (amqp://user:password@host:5672/vhost)"
)


def stream_url(url: str) -> str:
    """Return the broker's address, or nothing when there is no stream. Raises ImproperlyConfigured."""
    scheme = url.partition("://")[0].lower()
    if "kafka" in scheme:
        raise ImproperlyConfigured(_KAFKA)
    if url and scheme not in {"amqp", "amqps"}:
        raise ImproperlyConfigured("AUTOSALON_STREAM_URL must start with amqp:// or amqps://")
    return url
