"""Collect the spans that processes send by OTLP over HTTP, as a collector of OpenTelemetry would."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from devtools.pictures.waterfall import Span


class Collector:
    """An HTTP server at a port of this machine that keeps what it is sent, for as long as the block lasts."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, Span]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"

    def __enter__(self) -> "Collector":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def read_trace(self, trace_id: str) -> list[Span]:
        """Return what has come of a trace so far."""
        return [span for trace, span in tuple(self._spans) if trace == trace_id]

    def count(self, name: str) -> int:
        """Return how many spans of a name have come."""
        return sum(span.name == name for _, span in tuple(self._spans))

    def _take(self, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for sent in scope.spans:
                    read = Span(
                        sent.span_id.hex(), sent.parent_span_id.hex(), sent.name, sent.start_time_unix_nano,
                        sent.end_time_unix_nano,
                    )  # fmt: skip
                    self._spans.append((sent.trace_id.hex(), read))

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Take spans in."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                take(_unpack(body, self.headers.get("Content-Encoding", "")))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Say nothing."""

        return Handler


def _unpack(body: bytes, encoding: str) -> bytes:
    return gzip.decompress(body) if encoding == "gzip" else body
