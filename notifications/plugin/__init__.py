"""Name all that notifications plugs into the house."""

from core.plugins import Feed, Plugin
from notifications import events, handlers, operations, public
from notifications.plugin import personal
from notifications.plugin.letters import write_samples
from notifications.queries.feed import CARRIED, parse_row
from notifications.services.counters import webhook_counters

PLUGIN = Plugin(
    declares=(events, handlers, operations, personal, public),
    feed=Feed(carries=CARRIED, read=parse_row),
    metrics=(webhook_counters,),
    letters=write_samples,
    consumers="notifications.consumers",
    channels="notifications.plugin.channels",
    tags={
        "deliveries": "Messages to partners, each with its attempts.",
        "notifications": "What somebody was told, and whether they read it.",
        "webhooks": "Partners who are told what happens.",
    },
)
