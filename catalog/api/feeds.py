"""Feeds for marketplaces over HTTP: streamed, and not sent again while nothing has changed."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from catalog import queries
from gateway.access.permissions import ReadByAnyone
from gateway.api import ApiViewSet
from gateway.requests.etags import etag, not_modified
from gateway.requests.filtering import refuse_unknown
from gateway.responses.tables import in_pieces, streamed


class FeedViewSet(ApiViewSet):
    """All that can be bought now, for price aggregators and marketplaces."""

    permission_classes = [ReadByAnyone]
    pagination_class = None
    filter_backends = []

    @extend_schema(responses={(200, "application/xml"): str, 304: None})
    @action(detail=False)
    def yml(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """The feed as YML (XML)."""
        return _send(request, queries.yml_feed(timezone.now()), "application/xml; charset=utf-8")

    @extend_schema(responses={(200, "text/csv"): str, 304: None})
    @action(detail=False)
    def csv(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """The feed as CSV, with the headers that imports understand."""
        return _send(request, queries.csv_feed(), "text/csv; charset=utf-8")


def _send(request: Request, lines: Iterator[str], content_type: str) -> HttpResponse | StreamingHttpResponse:
    refuse_unknown(request, set())
    plain: HttpRequest = request._request
    version = queries.feed_version(timezone.now())
    if unchanged := not_modified(plain, version):
        return unchanged
    return streamed(plain, in_pieces(lines), content_type, ETag=etag(version))
