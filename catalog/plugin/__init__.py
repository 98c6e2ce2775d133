"""Name all that catalog plugs into the house."""

from catalog import approvals, commands, events, handlers, operations, public
from catalog.plugin import demo, personal
from catalog.plugin.histories import AUDIT
from catalog.queries.accounting import ACCOUNTING
from catalog.queries.cache import connect_signals
from catalog.queries.gauges import reservation_gauges
from core.plugins import Plugin

PLUGIN = Plugin(
    declares=(approvals, commands, events, handlers, operations, personal, public),
    accounting=ACCOUNTING,
    audit=AUDIT,
    connect=(connect_signals,),
    metrics=(reservation_gauges,),
    demo=demo.create_demo,
    tags={
        "categories": "The catalogue's tree, and the attributes of each of its branches.",
        "favourites": "Cars that somebody keeps an eye on.",
        "feeds": "The stock as other sites read it.",
        "imports": "Cars from files, row by row.",
        "products": "Cars and parts on sale: search, prices, stock, pictures.",
        "saved-searches": "Searches that tell when something new fits.",
    },
)
