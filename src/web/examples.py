"""An example request for each route, as a command: made from its description, so that none is missing and none is old."""

import json
import re
import shlex
from typing import Any
from urllib.parse import urlencode

# What fields of these names may hold; any other one has the first value that its schema allows.
VALUES: dict[str, Any] = {
    "answer": "Within thirty days.",
    "amount": 5,
    "amountDue": 129.5,
    "content": "Your order has left our warehouse.",
    "credentials": {"botToken": "123456:ABC"},
    "currency": "EUR",
    "customerId": "491511234567",
    "from": "2026-11-01",
    "lowThreshold": 100,
    "monthlyGrant": 1000,
    "name": "Acme",
    "notifyEmail": "support@example.com",
    "number": "INV-2026-11",
    "q": "How long does delivery take?",
    "question": "Until when may I return an item?",
    "reason": "The customer asks for a person.",
    "text": "You may return an item within thirty days.",
    "title": "Returns",
    "to": "2026-11-30",
    "url": "https://example.com/help",
}
KEYS = {"workspace": "$KEY", "operator": "$ADMIN_API_KEY"}


def request(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any], base_url: str) -> str:
    """The command that sends it. `schemas`: the components of the description."""
    required = [parameter for parameter in operation["parameters"] if parameter["required"]]
    asked = {each["name"]: value(each["name"], each["schema"], schemas) for each in required if each["in"] == "query"}
    address = re.sub(r"{(\w+)}", lambda name: name[1].upper(), path) + (f"?{urlencode(asked)}" if asked else "")
    lines = [f"curl{'' if method == 'get' else ' -X ' + method.upper()} {shlex.quote(base_url + address)}"]
    for name in operation.get("security", [{}])[:1]:
        key = KEYS.get(next(iter(name), ""))
        lines += [f'-H "Authorization: Bearer {key}"'] if key else []
        lines += ['-H "X-Hub-Signature-256: sha256=$SIGNATURE"'] if "vendor" in name else []
    lines += ['-H "Idempotency-Key: $(uuidgen)"' for each in required if each["in"] == "header"]
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        sent = body(content["application/json"]["schema"], schemas)
        lines += ['-H "Content-Type: application/json"', "-d " + shlex.quote(json.dumps(sent, ensure_ascii=False))]
    if "multipart/form-data" in content:
        lines += [f"\n# or a file:\n{lines[0]} {lines[1]} -F file=@help.pdf"]
        return " \\\n  ".join(lines[:-1]) + "\n" + lines[-1]
    return " \\\n  ".join(lines)


def body(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A body that this schema allows, with what it requires; with its first field where it requires none."""
    schema = _resolved(schema.get("oneOf", [schema])[0], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    fields = schema["properties"]
    names = [name for name in fields if name in schema.get("required", []) or "const" in fields[name]] or list(fields)[
        :1
    ]
    return {name: value(name, fields[name], schemas) for name in names}


def value(name: str, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """One that this field may have."""
    schema = _resolved(schema, schemas)
    schema = next((kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}), schema)
    first = schema.get("const", schema.get("enum", [None])[0])
    return first if first is not None else VALUES.get(name, "...")


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return dict(schemas[schema["$ref"].rpartition("/")[2]]) if "$ref" in schema else schema
