"""The API with one more route, which parses a document and answers, and does nothing else."""

from typing import Any

from flask import Flask, jsonify

from web import access, asking, create_app
from web.knowledge import JsonSource


def create() -> Flask:
    app = create_app()
    access.PUBLIC.add("parse_only")

    @app.post("/bench/parse", endpoint="parse_only")
    def parse_only() -> Any:
        source = asking.body(JsonSource)
        return jsonify(type=source.type, title=source.title), 202

    return app
