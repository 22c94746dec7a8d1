"""The description of the API holds what the application has, and nothing else."""

import re

from nightshift.channels import CHANNELS
from web import create_app, dashboard, dev_mail, openapi, routes

UNLISTED = {"/", "/docs", "/openapi.json"}  # for people and for tools, not for callers


def test_every_route_is_described_and_no_other() -> None:
    served = set()
    for rule in create_app().url_map.iter_rules():
        if rule.rule.startswith((dashboard.PATH, dev_mail.PATH)):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        served |= {
            (method.lower(), path) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"} if path not in UNLISTED
        }
    assert served == {(route.method, route.path) for route in routes.ROUTES}


def test_each_channels_credentials_are_described_for_tools_and_for_people() -> None:
    content = openapi.spec()["paths"]["/v1/channels/{channel_type}"]["put"]["requestBody"]["content"]
    kinds = content["application/json"]["schema"]["properties"]["credentials"]["anyOf"]
    assert {kind["title"]: tuple(kind["required"]) for kind in kinds} == {c.type: c.fields for c in CHANNELS.values()}
    page = create_app().test_client().get("/docs").text
    for channel in CHANNELS.values():
        assert f"{channel.type}: {', '.join(channel.fields)}" in page


def test_every_reference_leads_somewhere() -> None:
    spec = openapi.spec()
    names = set(re.findall(r"#/components/schemas/(\w+)", str(spec)))
    assert names <= set(spec["components"]["schemas"])
    assert "$defs" not in str(spec)
