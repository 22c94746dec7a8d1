"""The API with one more route, which parses a document and answers, and does nothing else."""

from typing import Any

from flask import Flask, jsonify, request
from pydantic import TypeAdapter

from web import access, create_app
from web.api.knowledge import JsonSource


def create() -> Flask:
    app = create_app()
    access.declare(app, "parse_only", "public")

    @app.post("/bench/parse", endpoint="parse_only")
    def parse_only() -> Any:
        """As a request was parsed at 7e25719: the adapter is made each time."""
        source = TypeAdapter(JsonSource).validate_python(request.get_json())
        return jsonify(type=source.type, title=source.title), 202

    return app
