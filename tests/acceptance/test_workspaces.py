"""Workspaces, keys, agents; what one workspace has is not there for another; the same key gives the same answer."""

from client import OPERATOR_KEY, Client


def test_another_workspaces_things_are_404(api: Client) -> None:
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    doc_id = api.add_text("Private matter.")
    api.settled(doc_id)
    paths = [
        ("GET", f"/v1/knowledge/{doc_id}"),
        ("GET", f"/v1/knowledge/{doc_id}/chunks"),
        ("POST", f"/v1/knowledge/{doc_id}/reingest"),
        ("DELETE", f"/v1/knowledge/{doc_id}"),
        ("GET", f"/v1/agents/{api.agent_id}/knowledge"),
        ("GET", f"/v1/agents/{api.agent_id}/knowledge/search?q=matter"),
    ]
    for method, path in paths:
        assert other(method, path).status_code == 404, path
    answer = other("POST", f"/v1/agents/{api.agent_id}/knowledge", json={"type": "text", "title": "x", "text": "y"})
    assert answer.status_code == 404
    assert api.doc(doc_id)["status"] == "READY"


def test_search_answers_with_the_agents_own_chunks_only(api: Client) -> None:
    second = api("POST", "/v1/agents", json={"name": "Second"}).json()["id"]
    api.settled(api.add_text("The heron nests by the lake."))
    assert api.search("heron")
    assert api("GET", f"/v1/agents/{second}/knowledge/search?q=heron").json() == {"items": []}
    assert {agent["id"] for agent in api("GET", "/v1/agents").json()["items"]} == {api.agent_id, second}


def test_a_key_is_changed_without_a_gap(api: Client) -> None:
    made = api("POST", "/v1/keys").json()
    assert api("GET", "/v1/agents", key=made["apiKey"]).status_code == 200
    listed = api("GET", "/v1/keys").json()["items"]
    assert len(listed) == 2
    assert all(set(key) == {"id", "createdAt"} for key in listed)
    [first] = [key["id"] for key in listed if key["id"] != made["id"]]
    assert api("DELETE", f"/v1/keys/{first}", key=made["apiKey"]).status_code == 204
    assert api("GET", "/v1/agents").status_code == 401
    assert api("DELETE", f"/v1/keys/{made['id']}", key=made["apiKey"]).status_code == 409
    assert api("DELETE", "/v1/keys/key_of_nobody", key=made["apiKey"]).status_code == 404


def test_a_workspace_is_changed_by_the_operator(api: Client) -> None:
    path = f"/v1/workspaces/{api.workspace_id}"
    changed = api("PATCH", path, key=OPERATOR_KEY, json={"name": "New", "lowThreshold": 7})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["lowThreshold"], changed.json()["monthlyGrant"]) == ("New", 7, 1000)
    bad = api("PATCH", path, key=OPERATOR_KEY, json={"notifyEmail": "nobody", "monthlyGrant": -1})
    assert sorted(error["field"] for error in bad.json()["errors"]) == ["monthlyGrant", "notifyEmail"]
    assert api("PATCH", "/v1/workspaces/ws_none", key=OPERATOR_KEY, json={}).status_code == 404


def test_an_idempotency_key_gives_the_first_answer_again_and_refuses_another_body(api: Client) -> None:
    once = {"Idempotency-Key": "agent-7"}
    first = api("POST", "/v1/agents", json={"name": "A"}, headers=once)
    again = api("POST", "/v1/agents", json={"name": "A"}, headers=once)
    assert (again.status_code, again.json()) == (201, first.json())
    other = api("POST", "/v1/agents", json={"name": "B"}, headers=once)
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    assert len(api("GET", "/v1/agents").json()["items"]) == 2


def test_an_uploads_idempotency_key_sees_the_bytes_not_the_boundary(api: Client) -> None:
    once = {"Idempotency-Key": "upload-1"}
    first = api.upload("a.txt", b"The very same bytes.", headers=once)
    again = api.upload("a.txt", b"The very same bytes.", headers=once)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert api.upload("a.txt", b"Other bytes.", headers=once).status_code == 422


def test_a_list_is_paged_without_gap_or_repeat(api: Client) -> None:
    made = [api.add_text(f"Page text {n}.") for n in range(5)]
    seen, cursor = [], None
    while True:
        page = api(
            "GET", f"/v1/agents/{api.agent_id}/knowledge", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [doc["id"] for doc in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    for doc_id in made:
        api.settled(doc_id)
    ready = api("GET", f"/v1/agents/{api.agent_id}/knowledge?status=READY").json()["items"]
    assert len(ready) == 5
