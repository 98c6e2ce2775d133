"""Join what one request causes into one trace: OpenTelemetry over HTTP, outbox, relay, workers, providers and feeds.

Off unless AUTOSALON_TRACES_URL names a collector: then nothing of OpenTelemetry has to be there, and a span costs less
than two microseconds. The trace travels as it did before, as `traceparent` in the headers of events and calls.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from uuid import UUID

from django.conf import settings

from core.errors import TurnedBack
from core.running.measures import get_role

Headers = dict[str, Any]
PARENT = "traceparent"
_SAMPLED = frozenset("13579bdf")
_tracer: Any = None


def begin(exporter: Any = None) -> None:
    """Make spans from now on, and give them to `exporter`: by default the collector that the settings name."""
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    sampler = ParentBased(TraceIdRatioBased(float(settings.TRACES_SHARE)))
    names = {"service.name": f"autosalon-{get_role()}", "service.version": settings.VERSION}
    provider = TracerProvider(sampler=sampler, resource=Resource.create(names))
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.TRACES_URL)))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _tracer = provider.get_tracer("autosalon")


def end() -> None:
    """Make none any more."""
    global _tracer
    _tracer = None


def span(name: str, headers: Headers, kind: str = "internal", **told: str) -> AbstractContextManager[Headers]:
    """Span the block, as caused by what `headers` say; gives the headers that what the block causes should carry."""
    return nullcontext(headers) if _tracer is None else _span(name, headers, kind, told)


@contextmanager
def _span(name: str, headers: Headers, kind: str, told: Mapping[str, str]) -> Any:
    """Tell of what the block raises by the name of its class alone: texts and stacks hold what people entered."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    with _tracer.start_as_current_span(
        name, context=_read(headers), kind=SpanKind[kind.upper()], attributes=dict(told),
        record_exception=False, set_status_on_exception=False,
    ) as made:  # fmt: skip
        try:
            yield headers | {PARENT: _write(made)}
        except TurnedBack:
            raise
        except Exception as error:
            made.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def describe(name: str, **told: Any) -> None:
    """Name the current span anew, once it is known what it is about."""
    if _tracer is not None:
        from opentelemetry import trace

        current = trace.get_current_span()
        current.update_name(name)
        current.set_attributes(told)


def pass_on(name: str, event_id: Any, headers: str, **told: str) -> str:
    """Span the way of an event from its outbox to here; returns its headers, as JSON, for who handles it.

    Ids of events tell when they were made. An event whose cause was not traced stays untraced.
    """
    if _tracer is None or PARENT not in headers:
        return headers
    import msgspec

    found: Headers = msgspec.json.decode(headers)
    return msgspec.json.encode(found | {PARENT: _pass(name, event_id, found, told)}).decode()


def pass_on_sampled(name: str, event_id: Any, headers: Any, **told: str) -> str:
    """Span the way of an event from its outbox to here, if its trace is sampled; returns what tells of the trace.

    `headers` are JSON or read already. Returns "" for an event that nobody traces.
    """
    if _tracer is None or PARENT not in headers:
        return ""
    import msgspec

    found: Headers = msgspec.json.decode(headers) if isinstance(headers, str) else headers
    return _pass(name, event_id, found, told) if is_sampled(found[PARENT]) else ""


def is_sampled(parent: Any) -> bool:
    """Tell whether a `traceparent` asks for spans: by the lowest bit of its last figure."""
    return isinstance(parent, str) and parent[-1:] in _SAMPLED


def _pass(name: str, event_id: Any, headers: Headers, told: Mapping[str, str]) -> str:
    from opentelemetry.trace import SpanKind

    made_ns = (UUID(str(event_id)).int >> 80) * 1_000_000
    passed = _tracer.start_span(
        name, context=_read(headers), kind=SpanKind.PRODUCER, start_time=made_ns, attributes=dict(told)
    )
    passed.end()
    return _write(passed)


def _read(headers: Headers) -> Any:
    """Return the context of whoever caused this; an empty one begins a trace."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({PARENT: str(headers.get(PARENT, ""))}, context=Context())


def _write(made: Any) -> str:
    found = made.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"
