"""Every route of /openapi.json is asked what nobody would write by hand: no 500, no answer that it does not describe."""

from typing import Any

import pytest
import schemathesis
from client import OPERATOR_KEY, Client
from hypothesis import HealthCheck, settings
from recorder import Recorder
from routes import things
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from stack import Stack

from web import openapi
from web.routing import declared

pytestmark = pytest.mark.slow
ENDLESS = "/v1/events"
PROMISES = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


schema = schemathesis.openapi.from_dict(openapi.spec(declared())).exclude(path=ENDLESS)


@pytest.fixture
def ids(api: Client, stack: Stack, vendors: Recorder) -> dict[str, str]:
    return things(api, stack, vendors)


@schema.parametrize()
@settings(max_examples=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_route_answers_what_it_does_not_describe(case: Any, api: Client, ids: dict[str, str]) -> None:
    operator = {"operator": []} in case.operation.definition.raw.get("security", [])
    key = {"Authorization": f"Bearer {OPERATOR_KEY if operator else api.key}"}
    case.call_and_validate(headers=key, checks=PROMISES, base_url=api.base_url, timeout=40)
    if case.path_parameters:  # and once more for what there is
        case.path_parameters = {name: ids[name] for name in case.path_parameters if name in ids}
        case.call_and_validate(headers=key, checks=PROMISES, base_url=api.base_url, timeout=40)
