"""Every read of catalog that is more than a filter: structs out, never a write."""

from catalog.queries.feeds import csv_feed, feed_version, yml_feed
from catalog.queries.imports import open_imports, read_refused_rows

__all__ = [
    "csv_feed",
    "feed_version",
    "open_imports",
    "read_refused_rows",
    "yml_feed",
]
