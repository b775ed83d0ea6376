"""How the transport handles requests: which it charges, and which it passes through."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from purser import BudgetTransport, Client, InvalidFieldError
from purser.v1 import budget_service_pb2 as pb
from purser.v1 import reservation_pb2

from .conftest import Account
from .provider import DONE, Provider, Streamed, Whole, chat_chunk, chat_usage, response

CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
#: The prompt has 8 tokens at 0.15 dollars per million, and the output at most 100 at 0.60.
HELD_NANO_USD = 8 * 150 + 100 * 600


@pytest.fixture
def caller_with(client: Client, account: Account, provider: Provider) -> Any:
    def make(**options: Any) -> httpx2.Client:
        inner = options.pop("transport", None) or httpx2.HTTPTransport(verify=False)
        transport = BudgetTransport(
            client, project=account.project, user=account.user, transport=inner, **options
        )
        return httpx2.Client(transport=transport, base_url=provider.url, timeout=60)

    return make


def test_passes_other_requests_untouched(caller_with: Any, account: Account, provider: Provider) -> None:
    provider.answer = lambda _: Whole({})
    with caller_with() as caller:
        caller.get("/v1/models")
        caller.post("/v1/files", files={"file": b"text"}, data={"purpose": "batch"})
        caller.post("/v1/audio/speech", json={"model": "tts-1", "input": "hello"})
        caller.post("/v1/moderations", json={"model": "omni-moderation-latest", "input": "hello"})
    assert [each.path for each in provider.received] == [
        *("/v1/models", "/v1/files", "/v1/audio/speech", "/v1/moderations")
    ]
    assert provider.received[2].headers["accept-encoding"] != "identity"
    assert account.reservations == []


def test_pays_for_posts_alone_and_for_a_path_with_a_slash(
    caller_with: Any, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Whole(response("openai-chat"))
    with caller_with() as caller:
        # Lists stored completions.
        caller.request("GET", "/v1/chat/completions", json=CHAT)
        assert account.reservations == []
        caller.post("/v1/chat/completions/", json=CHAT)
    assert account.reservations == ["SETTLED"]


class OwnError(httpx2.ConnectError):
    """An error of a transport that is not httpx2's."""


@pytest.mark.parametrize(
    "error",
    [httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError, httpx2.LocalProtocolError, OwnError],
)
def test_frees_the_hold_of_a_request_that_was_not_sent(
    caller_with: Any, account: Account, error: type[httpx2.TransportError]
) -> None:
    def fail(_: object) -> httpx2.Response:
        raise error("not sent")

    with caller_with(transport=httpx2.MockTransport(fail)) as caller, pytest.raises(error):
        caller.post("/v1/chat/completions", json=CHAT)
    assert account.reservations == ["RELEASED"]


def test_refuses_models_on_unknown_paths_where_asked_to(caller_with: Any, provider: Provider) -> None:
    provider.answer = lambda _: Whole({})
    with caller_with(on_unknown="refuse") as caller:
        with pytest.raises(InvalidFieldError, match="POST /v1/audio/speech names a model"):
            caller.post("/v1/audio/speech", json={"model": "tts-1", "input": "hello"})
        with pytest.raises(InvalidFieldError, match="names a model"):
            caller.post("/v1/audio/transcriptions", files={"file": b"..."}, data={"model": "whisper-1"})
        caller.post("/v1/moderations", json={"model": "omni-moderation-latest", "input": "hello"})
        caller.post("/v1/files", files={"file": b"text"}, data={"purpose": "batch"})
    assert [each.path for each in provider.received] == ["/v1/moderations", "/v1/files"]


def test_changes_nothing_but_what_it_says(caller_with: Any, account: Account, provider: Provider) -> None:
    provider.answer = lambda _: Streamed([chat_chunk("hé"), DONE])
    body = json.dumps(CHAT).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer k", "x-own": "1"}
    with caller_with() as caller:
        caller.post("/v1/chat/completions?api-version=1", content=iter([body[:9], body[9:]]), headers=headers)
        streaming = {**CHAT, "stream": True, "stream_options": {"include_obfuscation": False}}
        answer = caller.post("/v1/chat/completions", json=streaming)
    first, second = provider.received
    assert (first.path, first.body) == ("/v1/chat/completions?api-version=1", body)
    assert (first.headers["authorization"], first.headers["x-own"]) == ("Bearer k", "1")
    assert "transfer-encoding" not in first.headers
    assert second.json == {
        **streaming,
        "stream_options": {"include_obfuscation": False, "include_usage": True},
    }
    assert answer.content == chat_chunk("hé") + DONE


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 100])
def test_passes_a_stream_on_as_it_was_wherever_it_is_cut(
    caller_with: Any, account: Account, provider: Provider, cut: int
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    whole = ": ping\r\n\r\n" + "".join(
        f"data: {json.dumps(chunk, ensure_ascii=False)}\r\n\r\n"
        for chunk in (
            {"choices": [{"index": 0, "delta": {"content": "Ünïcödé 🗼"}}], "usage": None},
            {"choices": [], "usage": usage},
        )
    )
    raw = (whole + "data: [DONE]").encode()
    provider.answer = lambda _: Streamed([raw[at : at + cut] for at in range(0, len(raw), cut)])
    asked = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    with caller_with() as caller:
        assert caller.post("/v1/chat/completions", json=asked).content == raw
        hidden = caller.post("/v1/chat/completions", json={**CHAT, "stream": True}).content
    [chunk_with_usage] = [part for part in whole.split("\r\n\r\n") if "prompt_tokens" in part]
    assert hidden.decode() == raw.decode().replace(f"{chunk_with_usage}\r\n\r\n", "")
    assert [entry.usage.output_tokens for entry in account.entries] == [2, 2]


def test_reads_an_answer_that_is_there_already(caller_with: Any, account: Account) -> None:
    cache = httpx2.MockTransport(lambda _: httpx2.Response(200, json=response("openai-chat")))
    with caller_with(transport=cache) as caller:
        caller.post("/v1/chat/completions", json=CHAT)
    assert account.reservations == ["SETTLED"]
    assert account.budget.spent_nano_usd > 0


@pytest.mark.parametrize(
    "headers", [{"content-encoding": "br"}, {"content-type": "text/html"}], ids=["compressed", "no JSON"]
)
def test_charges_all_that_is_held_for_what_cannot_be_read(
    caller_with: Any, account: Account, headers: dict[str, str]
) -> None:
    def answer(_: object) -> httpx2.Response:
        return httpx2.Response(200, headers=headers, stream=httpx2.ByteStream(b"<html>"))

    with (
        caller_with(transport=httpx2.MockTransport(answer)) as caller,
        caller.stream("POST", "/v1/chat/completions", json=CHAT) as answered,
    ):
        assert b"".join(answered.iter_raw()) == b"<html>"
    [entry] = account.entries
    assert (entry.usage.output_tokens, account.reservations) == (0, ["SETTLED"])
    assert entry.cost_nano_usd > 100 * 600


def test_charges_all_that_is_held_for_a_compressed_stream(
    caller_with: Any, account: Account, provider: Provider
) -> None:
    packed = gzip.compress(chat_chunk("hello") + chat_usage(10, 1) + DONE)
    headers = {"content-encoding": "gzip"}
    provider.answer = lambda _: Streamed([packed[:20], packed[20:]], headers=headers)
    with caller_with() as caller:
        answer = caller.post("/v1/chat/completions", json={**CHAT, "stream": True})
    assert provider.received[0].headers["accept-encoding"] == "identity"
    assert answer.content == chat_chunk("hello") + chat_usage(10, 1) + DONE
    assert account.reservations == ["SETTLED"]
    assert account.budget.spent_nano_usd == HELD_NANO_USD


@pytest.mark.parametrize("body", [b"[1", b'{"a": ' + b"[" * 100_000], ids=["cut", "nested too deeply"])
def test_refuses_a_body_that_it_cannot_read(caller_with: Any, provider: Provider, body: bytes) -> None:
    with caller_with() as caller, pytest.raises(InvalidFieldError, match="is not a JSON object"):
        caller.post("/v1/chat/completions", content=body)
    assert provider.received == []


AUDIO = {"type": "input_audio", "input_audio": {"data": "AA==" * 90_000}}
TOOL_CALL = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
LARGE_IMAGE = {
    "type": "image_url",
    "image_url": {"url": "data:image/png;base64," + "A" * 5_000_000, "detail": "low"},
}
RESPONSES_INPUT = [
    {"type": "function_call_output", "call_id": "c", "output": "1"},
    {"role": "user", "content": [{"type": "input_file", "filename": "a.pdf"}]},
]


def chat_of(*messages: Any) -> dict[str, Any]:
    return {**CHAT, "messages": list(messages)}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", chat_of({"role": "user", "content": [AUDIO]})),
        (
            "/v1/chat/completions",
            chat_of({"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}, "odd", 7),
        ),
        ("/v1/chat/completions", chat_of({"role": "user", "content": [LARGE_IMAGE]})),
        ("/v1/responses", {"model": "gpt-4o-mini", "max_output_tokens": 100, "input": RESPONSES_INPUT}),
        ("/v1/completions", {"model": "gpt-4o-mini", "prompt": [[1, 2, 3], [4]], "max_tokens": 100}),
        ("/openai/deployments/gpt-4o-mini/chat/completions", {**CHAT, "model": None}),
    ],
    ids=["audio", "odd messages", "a large image", "responses", "tokens", "Azure"],
)
def test_holds_for_whatever_a_prompt_is(
    caller_with: Any, client: Client, account: Account, provider: Provider, path: str, body: Any
) -> None:
    provider.answer = lambda _: Whole(response("openai-chat"))
    with caller_with(hold=timedelta(hours=1), on_expiry="charge") as caller:
        assert caller.post(path, json=body).status_code == 200
    [held] = client.list_reservations(pb.ListReservationsRequest(project=account.project)).reservations
    assert held.held_nano_usd > 100 * 600
    assert (held.model, held.expire_time.seconds - held.create_time.seconds) == ("gpt-4o-mini", 3600)
    assert held.on_expiry == reservation_pb2.ON_EXPIRY_CHARGE
    assert account.reservations == ["SETTLED"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"on_unavailable": "maybe"}, "on_unavailable: must be 'fail' or 'allow', not 'maybe'"),
        ({"queue_max": 0}, "queue_max: must be from 1 to 1000000, not 0"),
        ({"queue_max": 1_000_001}, "queue_max: must be from 1 to 1000000, not 1000001"),
        ({"hold": timedelta(0)}, "hold: must be more than 0"),
        ({"hold": timedelta(hours=24, seconds=1)}, "hold: must be more than 0 and at most 24 hours"),
        ({"on_expiry": "keep"}, "on_expiry: must be 'release' or 'charge', not 'keep'"),
        ({"on_unknown": "drop"}, "on_unknown: must be 'pass' or 'refuse', not 'drop'"),
        ({"timeout": 0}, "timeout: must be more than 0"),
    ],
)
def test_names_the_option_that_is_wrong(client: Client, option: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BudgetTransport(client, project="p", user="u", **option)
    with pytest.raises(TypeError, match="unexpected keyword argument 'on_unavaliable'"):
        BudgetTransport(client, project="p", user="u", on_unavaliable="allow")  # type: ignore[call-arg]
