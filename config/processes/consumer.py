"""A worker's connection to its broker, let go of without a death when the broker dies in the middle of a message."""

from itertools import chain

from celery.worker import consumer


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's, which gives back what it has not acknowledged to a connection that it has closed already.

    With a message in hand and Valkey reset instead of refused, kombu's Redis transport then looks for the address of
    no connection (`AttributeError: … 'hostname'`), and the whole worker ends. Nothing is to be given back: deliveries
    are sent again from their database, and Valkey's own list of the unacknowledged is kept for its time.
    """

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        """Have the channels of the broken connection keep their messages, then close it as Celery does."""
        lost = self.connection
        channels = chain(getattr(lost.transport, "channels", None) or (), (lost._default_channel,))
        for channel in channels:
            if hasattr(channel, "do_restore"):
                channel.do_restore = False
        super().on_connection_error_after_connected(exc)
