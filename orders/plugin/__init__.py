"""Name all that orders plugs into the house."""

from core.plugins import Feed, Plugin
from orders import approvals, events, handlers, operations, public
from orders.plugin import copies, personal
from orders.plugin.histories import AUDIT
from orders.queries.accounting import ACCOUNTING
from orders.queries.cache import connect_signals
from orders.queries.feed import CARRIED, parse_row
from orders.queries.gauges import order_gauges

PLUGIN = Plugin(
    declares=(approvals, copies, events, handlers, operations, personal, public),
    accounting=ACCOUNTING,
    audit=AUDIT,
    connect=(connect_signals,),
    feed=Feed(carries=CARRIED, read=parse_row),
    consumers="orders.consumers",
    channels="orders.plugin.channels",
    metrics=(order_gauges,),
    tags={
        "campaigns": "What lowers prices by a rule, for a time and within a budget.",
        "cart": "What somebody means to order, signed in or not yet.",
        "commission-rules": "What a sale earns its salesman, from which day on.",
        "commissions": "What sales earned their salesmen.",
        "document-templates": "Words of contracts and acts, in versions that managers write.",
        "documents": "Papers that were issued of a deal, and who signed them.",
        "coupons": "Codes that lower a price.",
        "offers": "Written offers, which become orders at their terms.",
        "orders": "Orders from the first click to the handed-over keys.",
        "queue": "Places in the queue for a car that another buyer holds.",
        "returns": "Cars that came back.",
    },
)
