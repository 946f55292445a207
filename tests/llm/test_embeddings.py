"""Texts become stored vectors, through a class of one's own and over real HTTP; what goes wrong has a code."""

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import override_settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from agents_app.core.vectors import cosine, unpack
from agents_app.exceptions import EmbeddingError
from agents_app.llm.background import background_loop, close_background_loop
from agents_app.llm.embedders import embedder_name, problem_of_settings
from agents_app.llm.embeddings import embed, embed_batches, embed_query
from agents_app.llm.pydantic_ai_embedder import close_embedders
from agents_app.testing import HashingEmbedder

KEY = "sk-very-secret-key"
OWN = "agents_app.testing.embedder.HashingEmbedder"


class Replies:
    """An embedder that replies what it was told to, whatever it is asked."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[list[str]] = []

    def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        self.asked.append(list(texts))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server
        background_loop().run(close_embedders(), 10)
        close_background_loop()


def settings(server: HTTPServer, *, seconds: float = 30, **more: Any) -> Any:
    embedder = {"embedder": "openai:small", "base_url": server.url_for("/v1"), "api_key": KEY, **more}
    return override_settings(AGENTS_APP={"EMBEDDER": embedder, "EMBEDDING_BATCH": 2, "EMBEDDING_SECONDS": seconds})


def answer(request: Request) -> Response:
    """As many vectors as texts, in the format of OpenAI; the first number says how long the text is."""
    asked = json.loads(request.data)
    size = asked.get("dimensions") or 3
    vectors = [[float(len(text)), *[1.0] * (size - 1)] for text in asked["input"]]
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    body = {"object": "list", "data": data, "model": asked["model"], "usage": usage}
    return Response(json.dumps(body), content_type="application/json")


def test_without_a_setting_there_is_no_embedder_and_the_error_says_so() -> None:
    with override_settings(AGENTS_APP={}):
        assert embedder_name() == ""
        with pytest.raises(EmbeddingError, match="EMBEDDER") as refused:
            embed_query("refund")
    assert refused.value.code == "not_configured"


@override_settings(AGENTS_APP={"EMBEDDER": OWN})
def test_a_class_of_ones_own_is_found_by_its_path() -> None:
    found = embed(["refund my order", "refunds of orders", "blue sky"])
    assert (found.embedder, found.dimension) == (OWN, 256)
    one, like, other = found.vectors
    assert cosine(one, like) > cosine(one, other) + 0.02
    assert embed_query("refund my order") == one


def test_the_test_embedder_gives_every_text_a_vector() -> None:
    assert len(embed(["", "…", "a" * 10_000], embedder=HashingEmbedder()).vectors) == 3


def test_texts_are_sent_in_batches_over_http_and_come_back_in_order(server: HTTPServer) -> None:
    server.expect_request("/v1/embeddings").respond_with_handler(answer)
    with settings(server):
        found = embed(["a", "bbbb", "cc"])
    assert found.embedder == "openai:small"
    assert [round(unpack(vector)[0] / unpack(vector)[1]) for vector in found.vectors] == [1, 4, 2]
    sent = [json.loads(request.data) for request, _ in server.log]
    assert [each["input"] for each in sent] == [["a", "bbbb"], ["cc"]]
    assert server.log[0][0].headers["Authorization"] == f"Bearer {KEY}"


def test_fewer_dimensions_are_asked_for_and_are_part_of_the_name(server: HTTPServer) -> None:
    server.expect_request("/v1/embeddings").respond_with_handler(answer)
    with settings(server, dimensions=2):
        found = embed(["a"])
    assert (found.embedder, found.dimension) == ("openai:small@2", 2)


def test_a_server_that_fails_half_way_leaves_what_came_before(server: HTTPServer) -> None:
    server.expect_ordered_request("/v1/embeddings").respond_with_handler(answer)
    server.expect_ordered_request("/v1/embeddings").respond_with_json({"error": {"message": f"busy {KEY}"}}, 503)
    with settings(server):
        batches = embed_batches(["a", "b", "c"])
        assert len(next(batches).vectors) == 2
        with pytest.raises(EmbeddingError) as failed:
            next(batches)
    assert failed.value.transient
    assert KEY not in str(failed.value)


@pytest.mark.parametrize(("status", "code", "transient"), [(401, "authentication", False), (429, "rate_limited", True)])
def test_errors_have_the_codes_of_llms(server: HTTPServer, status: int, code: str, transient: bool) -> None:
    server.expect_request("/v1/embeddings").respond_with_json({"error": {"message": f"no {KEY}"}}, status)
    with settings(server), pytest.raises(EmbeddingError) as failed:
        embed_query("refund")
    assert (failed.value.code, failed.value.transient) == (code, transient)
    assert KEY not in str(failed.value)
    assert len(server.log) == 1


def test_a_server_that_hangs_is_left_after_the_time_limit(server: HTTPServer) -> None:
    let_go = threading.Event()

    def hang(request: Request) -> Response:
        let_go.wait(60)
        return answer(request)

    server.expect_request("/v1/embeddings").respond_with_handler(hang)
    with settings(server, seconds=0.5), pytest.raises(EmbeddingError) as failed:
        embed_query("refund")
    let_go.set()
    assert failed.value.code == "timeout"


def test_an_embedder_that_changes_its_dimension_is_told_how_to_go_on() -> None:
    changing = Replies([[1.0, 2.0]], [[1.0, 2.0, 3.0]])
    with override_settings(AGENTS_APP={"EMBEDDING_BATCH": 1}), pytest.raises(EmbeddingError) as failed:
        embed(["a", "b"], embedder=changing)
    assert failed.value.code == "dimension_changed"
    assert "another name" in failed.value.message
    with pytest.raises(EmbeddingError, match="1536"):
        embed(["a"], embedder=Replies([[1.0, 2.0]]), dimension=1536)


@pytest.mark.parametrize(
    "reply", [[], [[1.0]] * 3, [[]] * 2, [[0.0]] * 2, [[float("nan")]] * 2, [["x"]] * 2, None], ids=str
)
def test_a_reply_that_is_no_vector_for_each_text_is_refused(reply: Any) -> None:
    with pytest.raises(EmbeddingError) as failed:
        embed(["a", "b"], embedder=Replies(reply))
    assert failed.value.code == "invalid_reply"


def test_an_embedder_of_ones_own_may_raise_what_it_likes() -> None:
    with pytest.raises(EmbeddingError) as failed:
        embed(["a"], embedder=Replies(ConnectionError("gone")))
    assert failed.value.code == "connection"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nobody:small", "no provider"),
        ("openai:", "no provider"),
        ("agents_app.testing.Nothing", "cannot be imported"),
        ("json.JSONDecoder", "no method embed"),
        ({"base_url": "http://x"}, 'the key "embedder"'),
        ({"embedder": "openai:x", "url": "http://x"}, "unknown keys"),
        ({"embedder": "openai:x", "dimensions": 0}, "above 0"),
        ({"embedder": OWN, "dimensions": 3}, "is a class"),
        ("openai:" + "x" * 300, "too long"),
        (7, "must be a string"),
    ],
    ids=range(10),
)
def test_a_setting_that_cannot_be_used_says_why(given: Any, words: str) -> None:
    with override_settings(AGENTS_APP={"EMBEDDER": given}):
        assert words in str(problem_of_settings())


@pytest.mark.parametrize(
    "given", ["", OWN, "openai:small", {"embedder": "cohere:embed-v4.0", "dimensions": 256}], ids=range(4)
)
def test_a_setting_that_can_be_used_is_no_problem(given: Any) -> None:
    with override_settings(AGENTS_APP={"EMBEDDER": given}):
        assert problem_of_settings() is None
