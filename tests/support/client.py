"""A customer's program: HTTP in, JSON out."""

import uuid
from dataclasses import dataclass
from typing import Any, Self

import requests
from stack import wait_for

OPERATOR_KEY = "operator-key-of-the-tests"


@dataclass
class Client:
    base_url: str
    key: str
    workspace_id: str
    agent_id: str

    @classmethod
    def of_new_workspace(cls, base_url: str, operator_key: str, **changes: Any) -> Self:
        body = {
            "name": "Test",
            "notifyEmail": "owner@example.com",
            "monthlyGrant": 1000,
            "lowThreshold": 100,
            **changes,
        }
        answer = requests.post(
            f"{base_url}/v1/workspaces", json=body, headers={"Authorization": f"Bearer {operator_key}"}, timeout=60
        )
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return cls(base_url, made["apiKey"], made["id"], made["agentId"])

    def __call__(self, method: str, path: str, key: str | None = None, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {key or self.key}", **options.pop("headers", {})}
        return requests.request(method, self.base_url + path, headers=headers, timeout=60, **options)

    def add(self, **source: Any) -> requests.Response:
        return self("POST", f"/v1/agents/{self.agent_id}/knowledge", json=source)

    def upload(self, name: str, data: bytes, **options: Any) -> requests.Response:
        return self("POST", f"/v1/agents/{self.agent_id}/knowledge", files={"file": (name, data)}, **options)

    def add_text(self, text: str, title: str | None = None) -> str:
        """The id of a new text document."""
        answer = self.add(type="text", title=title or f"Text {uuid.uuid4().hex[:8]}", text=text)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def doc(self, doc_id: str) -> dict[str, Any]:
        answer = self("GET", f"/v1/knowledge/{doc_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def settled(self, doc_id: str, status: str | None = None, seconds: float = 90) -> dict[str, Any]:
        """The document once it is READY or in ERROR for good (or has `status`)."""

        def there() -> dict[str, Any] | None:
            doc = self.doc(doc_id)
            final = doc["status"] == "READY" or (doc["status"] == "ERROR" and doc["retryAt"] is None)
            return doc if (doc["status"] == status if status else final) else None

        return dict(wait_for(there, seconds, lambda: str(self.doc(doc_id))))

    def search(self, question: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self("GET", f"/v1/agents/{self.agent_id}/knowledge/search", params={"q": question, **parameters})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])
