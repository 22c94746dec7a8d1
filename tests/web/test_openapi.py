"""The description of the API: credentials are described, references lead somewhere."""

import re

from nightshift.channels import CHANNELS
from web import create_app, openapi
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
