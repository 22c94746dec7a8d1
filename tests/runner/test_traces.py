"""Exported traces: one from a request over its row to the vendor's call in a worker, and nothing of OpenTelemetry without."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from recorder import Answer, Recorder
from stack import Stack, wait_for

from nightshift import tracing

ROOT = Path(__file__).resolve().parents[2]
# A web process of one request, which fails at the vendor.
REQUEST = """
import json, sys
from nightshift import workspaces
from nightshift.db.session import transaction
from web import create_app
with transaction() as session:
    workspace, agent, key = workspaces.create(session, "Traced", "x@example.com", 0, 0)
client, headers = create_app().test_client(), {"Authorization": f"Bearer {key}"}
put = {"credentials": {"botToken": "1:secret-token"}}
assert client.put("/v1/channels/TELEGRAM", json=put, headers=headers).status_code < 300
message = {"channelType": "TELEGRAM", "customerId": "customer", "content": sys.argv[1]}
answer = client.post(f"/v1/agents/{agent.id}/messages", json=message, headers=headers)
print(json.dumps([workspace.id, answer.json["id"], answer.headers["X-Request-Id"]]))
"""

AWAY = """
import time
from nightshift import logs, tracing
from nightshift.settings import settings
logs.configure(settings())
for _ in range(1200):
    with tracing.span("request", "SERVER"):
        pass
time.sleep(1)
tracing.flush()
"""


def spans(vendors: Recorder, trace: str) -> list[Span]:
    found = []
    for request in vendors.asked("/otel/v1/traces"):
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            found += [span for scope in resource.scope_spans for span in scope.spans if span.trace_id.hex() == trace]
    return sorted(found, key=lambda span: span.start_time_unix_nano)


@pytest.mark.slow
def test_one_trace_leads_from_the_request_over_the_row_to_the_vendors_call(
    servers: dict[str, str], vendors: Recorder
) -> None:
    env = servers | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{vendors.url}/otel",
        "TELEGRAM_BASE_URL": f"{vendors.url}/telegram",
    }
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(500))
    web = subprocess.run([sys.executable, "-c", REQUEST, word], cwd=ROOT, env=os.environ | env, capture_output=True)
    assert web.returncode == 0, web.stderr
    workspace, message, trace = json.loads(web.stdout)
    stack = Stack(ROOT, env)
    stack.launch("worker", "webhook-retry")
    try:
        stack.hurry(message)
        wait_for(lambda: stack.sql("SELECT 1 FROM messages WHERE id = %s AND status = 'SENT'", message))
    finally:
        stack.stop()  # which sends what has ended

    found = spans(vendors, trace)
    names = ["POST /v1/agents/<agent_id>/messages", *["webhook_retry.retry_send", "TELEGRAM"] * 2]
    assert [span.name for span in found] == names
    request, first, refused, second, accepted = found
    parents = [(first, request), (refused, first), (second, request), (accepted, second)]
    assert all(span.parent_span_id == parent.span_id for span, parent in parents)
    assert [span.kind for span in found] == [
        Span.SPAN_KIND_SERVER,
        *[Span.SPAN_KIND_CONSUMER, Span.SPAN_KIND_CLIENT] * 2,
    ]
    assert [span.status.code for span in found] == [0, 2, 2, 0, 0], "errors are the first run and its call"
    for span in found:
        known = {attribute.key: attribute.value.string_value for attribute in span.attributes}
        assert (known["workspace"], known["row"]) == (workspace, message)
    sent = b"".join(request.body for request in vendors.asked("/otel"))
    assert word.encode() not in sent and b"secret-token" not in sent


def test_without_an_endpoint_nothing_is_exported_nor_imported() -> None:
    with tracing.span("request", "SERVER", workspace="ws"):
        assert tracing.ids().keys() == {"trace", "workspace"}
    assert not tracing.ids()
    assert not [name for name in sys.modules if name.startswith("opentelemetry.exporter")]


@pytest.mark.slow
def test_a_collector_that_is_away_is_one_line_of_the_log_and_holds_up_no_stop(servers: dict[str, str]) -> None:
    env = os.environ | servers | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "LOG_FORMAT": "json"}
    done = subprocess.run([sys.executable, "-c", AWAY], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["spans lost"], done.stderr
