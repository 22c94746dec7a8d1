"""The yardstick of `accepting`: a route that parses a document and answers, and does nothing else.

The code is the API's as it was at commit 7e25719 (November 2026), copied here and kept: a faster parser of ours must not make
the yardstick faster. Served with the settings gunicorn had then. Do not improve it.
"""

import re
from typing import Annotated, Any, Literal

from flask import Flask, Response, jsonify, request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic.alias_generators import to_camel

PUBLIC = {
    "health.healthz",
    "health.readyz",
    "health.metrics",
    "docs.openapi_json",
    "docs.page",
    "docs.home",
    "parse_only",
}
MAX_JSON_BYTES = 10 << 20
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LINE_END = re.compile("\r\n|[\r\v\f\x85]")
SOFT_HYPHEN = re.compile("\ufffe\n?")
REFUSED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\uffff\ufeff]")


def clean(text: str) -> str:
    return SOFT_HYPHEN.sub("", LINE_END.sub("\n", REFUSED.sub("", text)))


def tidy(value: Any) -> Any:
    return " ".join(clean(value).split()) if isinstance(value, str) else value


def readable(value: Any) -> Any:
    if value == "":
        raise ValueError("must not be empty")
    return clean(value) if isinstance(value, str) else value


def check_form(url: str) -> str:
    return url


Line = Annotated[str, BeforeValidator(tidy), StringConstraints(min_length=1, max_length=500)]
Prose = Annotated[str, BeforeValidator(readable)]


class Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", serialize_by_alias=True)


class TextSource(Body):
    type: Literal["text"]
    title: Line
    text: Prose


class QaSource(Body):
    type: Literal["qa"]
    question: Line
    answer: Prose


class UrlSource(Body):
    type: Literal["url"]
    url: Annotated[str, AfterValidator(check_form)]


JsonSource = Annotated[TextSource | UrlSource | QaSource, Field(discriminator="type")]


def refuse_nul() -> None:
    assert "\0" not in request.path
    assert not any("\0" in value for value in request.args.values())


def check_access() -> None:
    assert request.endpoint in PUBLIC


def limit_json() -> None:
    if request.mimetype != "multipart/form-data":
        request.max_content_length = MAX_JSON_BYTES


def harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        if name not in response.headers:
            response.headers[name] = value
    return response


def create() -> Flask:
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for hook in (refuse_nul, check_access, limit_json):
        app.before_request(hook)
    app.after_request(harden)

    @app.post("/bench/parse", endpoint="parse_only")
    def parse_only() -> Any:
        value = request.get_json()
        assert isinstance(value, dict)
        source = TypeAdapter(JsonSource).validate_python(value)
        return jsonify(type=source.type, title=source.title), 202

    return app
