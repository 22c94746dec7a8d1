"""The description of the API: credentials are described, references lead somewhere."""

import re

from nightshift.channels import CHANNELS
from web import create_app, examples, openapi
from web.request_parsing import parse
from web.routing import declared


def test_each_channels_credentials_are_described_for_tools_and_for_people() -> None:
    schema = openapi.spec(declared())["components"]["schemas"]["Credentials"]
    kinds = schema["properties"]["credentials"]["anyOf"]
    assert {kind["title"]: tuple(kind["required"]) for kind in kinds} == {c.type: c.fields for c in CHANNELS.values()}
    page = create_app().test_client().get("/docs").text
    for channel in CHANNELS.values():
        assert f"{channel.type}: {', '.join(channel.fields)}" in page


def test_every_reference_leads_somewhere() -> None:
    spec = openapi.spec(declared())
    names = set(re.findall(r"#/components/schemas/(\w+)", str(spec)))
    assert names <= set(spec["components"]["schemas"])
    assert "$defs" not in str(spec)


def test_each_route_has_an_example_that_it_would_accept() -> None:
    spec = openapi.spec(declared())
    schemas = spec["components"]["schemas"]
    page = create_app().test_client().get("/docs")
    for route in [route for route in declared() if not route.is_page]:
        operation = spec["paths"][openapi.template(route)][route.method.lower()]
        command = examples.request(route.method.lower(), route.path, operation, schemas, "")
        assert page.text.count(f'aria-label="Example of {route.method.lower()} {openapi.template(route)}"') == 1
        assert ("$ADMIN_API_KEY" in command) is (route.access == "operator"), command
        if route.body is not None:
            sent = examples.body(operation["requestBody"]["content"]["application/json"]["schema"], schemas)
            parse(route.body, sent)  # raises what is wrong with it
        if route.query is not None:
            asked = {p["name"]: p["schema"] for p in operation["parameters"] if p["required"] and p["in"] == "query"}
            parse(route.query, {name: examples.value(name, schema, schemas) for name, schema in asked.items()})


def test_a_search_finds_routes_by_all_of_its_words() -> None:
    visitor = create_app().test_client()
    found = visitor.get("/docs?q=retry+MESSAGES").text
    assert "/v1/agents/{agent_id}/messages/retry" in found and "/v1/credits" not in found
    assert "No route matches." in visitor.get("/docs?q=<script>").text
