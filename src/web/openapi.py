"""The routes as OpenAPI 3.1."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from web.error_responses import MEDIA_TYPE, ProblemDetails
from web.response_models import adapter
from web.routing import Route

REFERENCE = "#/components/schemas/{model}"
ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
PATH = {"slot": {"type": "string", "format": "date-time"}}  # what is no id
SECONDS = {"description": "Seconds to wait", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
ERRORS = {
    400: "Malformed JSON, an incomplete body, or a NUL character",
    401: "No key, or a key that does not open this route",
    403: "The key does not allow this",
    404: "It does not exist, or is another workspace's",
    409: "It is not in the state that this request needs",
    413: "Too large: a file may have 50 MB, JSON 10 MB",
    414: "The request line is longer than 8,190 bytes",
    415: "An unsupported type of content",
    422: "Invalid; `errors` names each field",
    429: "This workspace sends too many requests, or has too many under way",
    502: "A vendor refused our request",
    503: "Something that this request needs is not available",
}


def spec(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole document. Pages for people are not part of it."""
    described = [route for route in routes if not route.is_page]
    schemas, components = _schemas(described)
    paths: dict[str, Any] = {}
    for route in described:
        paths.setdefault(template(route), {})[route.method.lower()] = _operation(route, schemas)
    bearer = {"type": "http", "scheme": "bearer"}
    signature = {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256", "description": "Each vendor's own"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nightshift", "version": "0.1.0", "description": "The back office of a support product."},
        "tags": [{"name": name, "description": about} for name, about in sorted({r.group for r in described})],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"workspace": bearer, "operator": bearer, "vendor": signature},
        },
    }


def template(route: Route) -> str:
    """Its path with the parameters in braces."""
    return re.sub(r"<(?:path:)?(\w+)>", r"{\1}", route.path)


def parameters(route: Route) -> list[dict[str, Any]]:
    """What its path, query and headers may say."""
    found = [
        {"name": n, "in": "path", "required": True, "schema": PATH.get(n, ID)}
        for n in re.findall(r"<(?:path:)?(\w+)>", route.path)
    ]
    for where, model in (("query", route.query), ("header", route.headers)):
        if model is not None:
            schema = adapter(model).json_schema(schema_generator=_Generator)
            required = schema.get("required", [])
            found += [_parameter(name, where, name in required, p) for name, p in schema["properties"].items()]
    return found


def _parameter(name: str, where: str, required: bool, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out rather than null."""
    parameter = {"name": name, "in": where, "required": required}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"}]
    return parameter | {"schema": kinds[0]}


class _Generator(GenerateJsonSchema):
    """Without the titles that repeat each field's name. Page[Document] is named PageOfDocument."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name.replace("[", "Of").rstrip("]"))

    def field_title_should_be_set(self, schema: core_schema.CoreSchema | Any) -> bool:
        return False


Schemas = dict[tuple[Any, Any], JsonSchemaValue]


def _schemas(routes: list[Route]) -> tuple[Schemas, dict[str, Any]]:
    """(The schema of each (model, mode), the components that these schemas refer to)."""
    models = [(model, "validation") for route in routes for model in (route.body, route.form)]
    models += [(m, "serialization") for route in routes for m in (ProblemDetails, *route.responses.values())]
    inputs: list[Any] = [(model, mode, adapter(model)) for model, mode in dict.fromkeys(models) if model is not None]
    schemas, document = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE, schema_generator=_Generator)
    return schemas, document.get("$defs", {})


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": route.summary, "tags": [route.group[0]], "parameters": parameters(route)}
    if route.access != "public":
        keys = ("workspace", "operator") if route.access == "either" else (route.access,)
        operation["security"] = [{key: []} for key in keys]
    bodies = {"application/json": route.body, "multipart/form-data": route.form}
    content = {kind: {"schema": schemas[m, "validation"]} for kind, m in bodies.items() if m is not None}
    if content:
        operation["requestBody"] = {"required": True, "content": content}
    models = dict.fromkeys(_errors(route), ProblemDetails) | dict(route.responses)
    operation["responses"] = {str(s): _response(route, s, model, schemas) for s, model in sorted(models.items())}
    return operation


def _errors(route: Route) -> set[int]:
    """The statuses of the errors that follow from what the route declares."""
    statuses = {400}
    statuses |= {401, 503} if route.access != "public" else set()
    statuses |= {429} if route.access in ("workspace", "either") else set()
    statuses |= {404} if "<" in route.path else set()
    statuses |= {413} if route.method != "GET" else set()  # every body is read
    statuses |= {415, 422} if route.body is not None else set()
    statuses |= {414, 422} if route.query is not None else set()
    statuses |= {422} if route.headers is not None else set()
    return statuses


def _response(route: Route, status: int, model: Any, schemas: Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {"description": ERRORS.get(status, "Done")}
    is_problem = isinstance(model, type) and issubclass(model, ProblemDetails)
    if status != 204 and (model is not None or route.media_type != "application/json"):
        schema = {"type": "string"} if model is None else schemas[model, "serialization"]
        response["content"] = {MEDIA_TYPE if is_problem else route.media_type: {"schema": schema}}
    if is_problem and status in (429, 503):
        response["headers"] = {"Retry-After": SECONDS}
    return response
