"""The answer to a provider's webhook, beside GET /health of the same process in the same run: it must stay below 50 ms.

Every message is new: checked, kept with its event in one transaction, and answered; a worker applies it later. So that
queueing is not what is measured, two connections send, as a provider does.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env, load, shops

LIMIT_MS = 50.0
CLIENTS = 2
PATH = "/api/v1/payments/webhooks/sandbox"


def main() -> int:
    """Measure, print, and return 1 if the slowest percentile of webhooks misses the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind, interleaved; medians count")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    servers = bench_env.start(("payments",))
    try:
        return _measure(options)
    finally:
        servers.stop()


def _measure(options: argparse.Namespace) -> int:
    kinds = {"GET /health": _health, "webhook": _webhook}
    with shops.server() as address:
        for request in kinds.values():
            load.run(address, request, clients=CLIENTS, seconds=1)
        measured: dict[str, list[load.Result]] = {name: [] for name in kinds}
        for _ in range(options.rounds):
            for name, request in kinds.items():
                measured[name].append(load.run(address, request, clients=CLIENTS, seconds=options.seconds))
    return _report(measured, as_json=options.json)


def _health(client: int, number: int) -> bytes:
    return b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def _webhook(client: int, number: int) -> bytes:
    from django.conf import settings
    from standardwebhooks import Webhook

    from core.ids import uuid7

    event_id, now = f"evt_{uuid7().hex}", datetime.now(UTC)
    about = {"charge_id": f"sbx_{uuid7().hex}", "payment_id": str(uuid7()), "amount": "1000.00", "currency": "RUB"}
    body = json.dumps({"type": "payment.completed", "data": about})
    signature = Webhook(settings.SANDBOX_WEBHOOK_SECRET).sign(event_id, now, body)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"webhook-id: {event_id}\r\nwebhook-timestamp: {int(now.timestamp())}\r\nwebhook-signature: {signature}\r\n\r\n"
    )
    return head.encode() + body.encode()


def _report(measured: dict[str, list[load.Result]], *, as_json: bool) -> int:
    rows: dict[str, dict[str, Any]] = {}
    for name, results in measured.items():
        middle = sorted(results, key=lambda result: result.p99_ms)[len(results) // 2]
        errors = sum(result.errors for result in results)
        rows[name] = {"p50_ms": round(middle.p50_ms, 2), "p99_ms": round(middle.p99_ms, 2), "errors": errors}
        rows[name]["per_second"] = round(middle.per_second)
    is_met = rows["webhook"]["p99_ms"] < LIMIT_MS and not rows["webhook"]["errors"]
    if as_json:
        sys.stdout.write(json.dumps({"limit_ms": LIMIT_MS, "is_met": is_met, "measured": rows}) + "\n")
        return 0 if is_met else 1
    for name, row in rows.items():
        speed = f"p50 {row['p50_ms']:7.2f} ms   p99 {row['p99_ms']:7.2f} ms   {row['per_second']:6} a second"
        sys.stdout.write(f"{name:12} {speed}   errors {row['errors']}\n")
    sys.stdout.write(f"webhooks below {LIMIT_MS:g} ms in the slowest percentile: {'yes' if is_met else 'NO'}\n")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
