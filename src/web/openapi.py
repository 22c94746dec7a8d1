"""The routes as OpenAPI 3.1."""

from typing import Any

from pydantic import BaseModel, TypeAdapter

from web import credits, refusals
from web.answers import SCHEMAS
from web.parameters import ID, ONCE, TEXT, UPLOAD
from web.routes import ROUTES, Route


def spec() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route)
    bearer = {"type": "http", "scheme": "bearer"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nightshift", "version": "0.1.0", "description": "The back office of a support product."},
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": {"workspace": bearer, "operator": bearer}},
    }


def _operation(route: Route) -> dict[str, Any]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": ID} for name in names] + route.parameters
    if route.method == "post" and route.access != "public":
        parameters.append(ONCE | {"required": route.body is credits.NewUsage})
    operation: dict[str, Any] = {"summary": route.summary, "parameters": parameters, "responses": _responses(route)}
    if route.access != "public":
        operation["security"] = [{route.access: []}]
    if route.body is not None:
        content = {"application/json": {"schema": json_schema(route.body)}}
        if route.upload:
            content["multipart/form-data"] = {"schema": UPLOAD}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _responses(route: Route) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, name in route.answers.items():
        schema = {"$ref": f"#/components/schemas/{name}"} if name else TEXT
        answers[str(status)] = {"description": "Done" if status < 400 else refusals.WHY.get(status, "Not now")}
        if status != 204:
            media = route.media if status < 400 or route.access == "public" else refusals.MEDIA
            answers[str(status)]["content"] = {media: {"schema": schema}}
    return dict(sorted((refusals.of(route) | answers).items()))


def json_schema(model: type[BaseModel] | Any) -> dict[str, Any]:
    """A body's schema, complete in itself."""
    schema = TypeAdapter(model).json_schema()
    parts = schema.pop("$defs", {})
    if "oneOf" in schema:
        return {"oneOf": [parts[ref["$ref"].rpartition("/")[2]] for ref in schema["oneOf"]]}
    return schema
