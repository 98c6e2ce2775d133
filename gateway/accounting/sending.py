"""Send exports to accounting as files, piece by piece; whoever takes one is written down."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from core.errors import Unavailable
from core.files.accounting import Section, Span, build_table
from core.files.commerceml import CONTENT_TYPE, write_commerceml
from gateway.access.readings import Papers, record_reading
from gateway.accounting.gathering import READING, contributions, list_missing, read_all
from gateway.responses.tables import in_pieces, streamed, table_file


def send_section(request: HttpRequest, section: Section, span: Span) -> HttpResponseBase:
    """Send a section of a span as CSV. Raises Unavailable where its app is not served here."""
    if section not in contributions():
        raise Unavailable
    app, item = contributions()[section]
    record_reading(request, _papers(app, section))
    name = f"{section}-{span.since}-{span.until}"
    return table_file(request, build_table(section, item.read(span)), name, "csv")


def send_exchange(request: HttpRequest, span: Span) -> HttpResponseBase:
    """Send every section of a span as one file of CommerceML. Raises Unavailable where an app of one is not served."""
    if list_missing():
        raise Unavailable
    for section, (app, _item) in contributions().items():
        record_reading(request, _papers(app, section))
    pieces = in_pieces(write_commerceml(read_all(span), timezone.now(), settings.DEALER["name"]))
    answer = streamed(request, pieces, CONTENT_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="accounting-{span.since}-{span.until}.xml"'
    return answer


def _papers(app: str, section: Section) -> Papers:
    """Name what is taken, for the trace where its rows are."""
    return Papers(app, READING.format(section=section), None, None)
