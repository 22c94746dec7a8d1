"""An exact word brings its passage first, in every language and form; words alone answer where vectors cannot."""

import time
from typing import Any
from uuid import uuid4

import pytest
from client import Client
from recorder import Answer, Recorder
from stack import Stack

MANUALS = {  # a section's text, and a question, for {}
    "en": ("The display shows {} and the pump stops at once. Call the service. ", "What does error {} mean?"),
    "pl": ("Na wyświetlaczu pojawia się {} i pompa od razu się zatrzymuje. Proszę zadzwonić do serwisu. ", "Co oznacza błąd {}?"),
    "uk": ("На дисплеї з'являється {} і насос одразу зупиняється. Зателефонуйте до сервісу. ", "Що означає помилка {}?"),
    "vi": ("Màn hình hiện mã {} và máy bơm dừng lại ngay. Hãy gọi dịch vụ trước khi bật lại. ", "Lỗi {} nghĩa là gì?"),
    "zh": ("显示屏上出现代码{}，水泵立即停止。请在重新启动之前联系客服。", "错误{}是什么意思？"),
    "ja": ("表示部にコード{}が出て、ポンプがすぐに止まります。サービス窓口へお電話ください。", "エラー{}の意味は何ですか？"),
    "ko": ("화면에 코드 {}이 나타나고 펌프가 바로 멈춥니다. 서비스 센터에 전화하십시오. ", "오류 {}는 무슨 뜻입니까?"),
    "he": ("על הצג מופיע הקוד {} והמשאבה נעצרת מיד. התקשרו לשירות לפני שתפעילו שוב. ", "מה פירוש שגיאה {}?"),
    "th": ("หน้าจอแสดงรหัส{}และปั๊มหยุดทันที โทรหาศูนย์บริการก่อนเปิดเครื่องอีกครั้ง ", "ข้อผิดพลาด{}หมายความว่าอะไร"),
}  # fmt: skip


def new_agent(api: Client) -> Client:
    answer = api("POST", "/v1/agents", json={"name": "Another"})
    return Client(api.base_url, api.key, api.workspace_id, answer.json()["id"])


@pytest.mark.slow
def test_a_code_brings_its_section_first_in_every_language(api: Client) -> None:
    codes = [f"{'EF'[n % 2]}-{4100 + 7 * n}" for n in range(24)]
    agents = {}
    for language, (text, _) in MANUALS.items():
        agents[language] = new_agent(api)
        sections = [f"## {code}\n\n" + text.format(code) * (1 + 420 // len(text)) for code in codes]
        agents[language].upload("manual.md", "\n\n".join(sections).encode())
    for language, agent in agents.items():
        [doc] = agent("GET", f"/v1/agents/{agent.agent_id}/knowledge").json()["items"]
        assert agent.settled(doc["id"])["chunkCount"] >= 20
        for code in codes[::8]:
            for question in (
                MANUALS[language][1].format(code),
                code,
                code.replace("-", "").lower(),
                code.replace("-", "–"),
            ):
                assert code in agent.search(question)[0]["content"], (language, question)


def test_a_word_is_found_in_the_other_form_of_its_letters(api: Client) -> None:
    decomposed = "Die Gru\u0308ndungsu\u0308bersicht liegt im Archiv. "
    doc_id = api.add_text(decomposed)
    api.settled(doc_id)
    assert api.search("Gründungsübersicht")[0]["docId"] == doc_id


def test_the_part_that_matches_is_the_place_of_a_packed_passage(api: Client) -> None:
    agent = new_agent(api)
    sections = [f"## Question {n}?\n\nUse menu M{n:02} for this." for n in range(1, 41)]
    doc_id = agent.upload("faq.md", "\n\n".join(["# FAQ", *sections]).encode()).json()["id"]
    agent.settled(doc_id)
    chunks = agent("GET", f"/v1/knowledge/{doc_id}/chunks").json()["items"]
    places = [place for chunk in chunks for place in chunk["locator"]["places"]]
    assert [place["headings"][-1] for place in places][1:] == [f"Question {n}?" for n in range(1, 41)]

    for n in (1, 17, 40):
        locator = agent.search(f"menu M{n:02}")[0]["locator"]
        assert locator["headings"] == ["FAQ", f"Question {n}?"]
        assert {name: locator[name] for name in ("page", "headings", "start", "end")} in locator["places"]

    text = agent.add_text("One part, one place.")
    agent.settled(text)
    [chunk] = agent("GET", f"/v1/knowledge/{text}/chunks").json()["items"]
    assert "places" not in chunk["locator"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(delay_seconds=20),
        Answer(silent=True),
        Answer(500),
        Answer(429),
        Answer(402, {"error": {"message": "no", "type": "credit_balance_exhausted"}}),
    ],
    ids=["slow", "gone", "in trouble", "busy", "out of quota"],
)
def test_words_alone_answer_where_the_embedding_service_does_not(
    answer: Answer, api: Client, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    doc_id = api.add_text(f"The pump of the {word} stops.")
    api.settled(doc_id)
    vendors.script(f"pump of {word}", answer)
    began = time.monotonic()
    found = api("GET", f"/v1/agents/{api.agent_id}/knowledge/search", params={"q": f"pump of {word}"}).json()
    assert time.monotonic() - began < 15, "two seconds and a busy machine"
    assert (found["mode"], found["items"][0]["docId"], found["items"][0]["similarity"]) == ("words", doc_id, 0)
    found = api("GET", f"/v1/agents/{api.agent_id}/knowledge/search", params={"q": f"pump of {word}"}).json()
    assert "mode" not in found and found["items"][0]["similarity"] > 0


def without_index(answer: Any) -> Any:
    return {"object": "list", "data": [{"embedding": [0.1] * 1536, **item} for item in answer], "model": "m"}


UNTRUE = "refused this document"
REFUSALS = [
    (
        Answer(404, {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}),
        502,
        "EMBEDDING_MODEL",
    ),
    (Answer(404, {"error": {"message": 'model "x" not found, try pulling it first'}}), 502, "EMBEDDING_MODEL"),
    (Answer(404, {"detail": "Not Found"}), 502, "OPENAI_BASE_URL"),
    (Answer(400, {"error": {"message": "Incorrect", "code": "invalid_api_key"}}), 502, "renew"),
    (
        Answer(400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}]),
        502,
        "renew",
    ),
    (Answer(403, {"error": {"message": "no", "code": "unsupported_country_region_territory"}}), 502, "denied access"),
    (Answer(413, {"error": "batch size"}), 502, "too large"),
    (Answer(200, without_index([{"embedding": None}])), 503, "could not be read"),
    (Answer(200, {"object": "list", "data": None}), 503, "could not be read"),
    (Answer(200, {"object": "list", "data": [None]}), 503, "could not be read"),
    (Answer(200, without_index([{"index": 1}])), 503, "left out a part"),
]


def test_a_search_says_what_is_wrong_with_the_embedding_service(api: Client, vendors: Recorder) -> None:
    for answer, status, sentence in REFUSALS:
        word = f"word{uuid4().hex}"
        vendors.script(word, answer)
        refused = api("GET", f"/v1/agents/{api.agent_id}/knowledge/search", params={"q": word})
        assert refused.status_code == status, refused.text
        assert sentence in refused.json()["detail"] and UNTRUE not in refused.text


@pytest.mark.parametrize(("indexes", "order"), [((), (0, 1, 2)), ((None, 1, 2), (0, 1, 2)), ((2, 1, None), (2, 1, 0))])
def test_vectors_without_an_index_belong_to_the_texts_by_their_position(
    indexes: tuple[int | None, ...], order: tuple[int, ...], api: Client, vendors: Recorder, stack: Stack
) -> None:
    word = f"word{uuid4().hex}"
    data: list[dict[str, Any]] = [{"embedding": [float(n == text) for n in range(1536)]} for text in order]
    for item, index in zip(data, indexes, strict=False):
        item.update({} if index is None else {"index": index})
    vendors.script(word, Answer(200, {"object": "list", "data": data, "model": "m"}))
    doc_id = api.add_text("\n\n".join(f"{word} part {n}. " + "Filler words. " * 90 for n in range(3)))
    doc = api.settled(doc_id)
    assert (doc["status"], doc["chunkCount"]) == ("READY", 3)
    own = "SELECT (CAST(embedding AS real[]))[chunk_idx + 1] FROM chunks WHERE doc_id = %s"
    assert stack.sql(own, doc_id) == [(1.0,)] * 3
