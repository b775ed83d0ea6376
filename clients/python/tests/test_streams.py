"""What is charged for a stream, by what arrived of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx2
import pytest

from purser import BudgetTransport, Client
from purser.v1 import budget_service_pb2 as pb
from purser.v1 import cost_pb2

from .conftest import Account
from .provider import event

HI = [{"role": "user", "content": "hi"}]
BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": {"model": "gpt-4o-mini", "messages": HI, "max_tokens": 100},
    "/completions": {"model": "gpt-4o-mini", "prompt": "hi", "max_tokens": 100},
    "/responses": {"model": "gpt-4o-mini", "input": "hi", "max_output_tokens": 100},
    "/messages": {"model": "claude-sonnet-4-6", "messages": HI, "max_tokens": 100},
}


class Pieces(httpx2.SyncByteStream):
    """The bytes of an answer. With an error, the connection breaks after them."""

    def __init__(self, pieces: Iterable[bytes], error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._error is not None:
            raise self._error


class Charged:
    """Makes a call whose answer has the given bytes."""

    def __init__(self, client: Client, account: Account) -> None:
        self._client = client
        self._account = account
        #: The bytes that the caller read.
        self.shown = b""

    def __call__(
        self,
        path: str,
        *pieces: bytes,
        error: Exception | None = None,
        content_type: str = "text/event-stream",
        **options: Any,
    ) -> cost_pb2.CostEntry:
        """Returns the charge."""
        account = self._account
        inner = httpx2.MockTransport(
            lambda _: httpx2.Response(
                200, headers={"content-type": content_type}, stream=Pieces(pieces, error)
            )
        )
        transport = BudgetTransport(
            self._client, project=account.project, user=account.user, transport=inner, **options
        )
        body = {**BODIES[path], "stream": True}
        with httpx2.Client(transport=transport, base_url="http://provider/v1") as caller:
            if error is None:
                self.shown = caller.post(path, json=body).content
            else:
                with pytest.raises(type(error)):
                    caller.post(path, json=body)
        [entry] = account.entries
        assert account.reservations == ["SETTLED"]
        return entry

    def tokens(self, path: str, text: str) -> int:
        """The tokens that the server counts in a text of the model."""
        account, model = self._account, BODIES[path]["model"]
        request = pb.ProjectedCostRequest(project=account.project, user=account.user, model=model, text=text)
        return self._client.projected_cost(request).prompt_tokens


@pytest.fixture
def charged(client: Client, account: Account) -> Charged:
    return Charged(client, account)


def chunk(**fields: Any) -> bytes:
    return event({"model": "gpt-4o-mini", "choices": [], **fields})


def choice(**delta: Any) -> bytes:
    return chunk(choices=[{"index": 0, "delta": delta}])


def block(**delta: str) -> bytes:
    return event({"type": "content_block_delta", "index": 0, "delta": delta})


def message_start(**usage: Any) -> bytes:
    message = {"id": "msg_1", "type": "message", "model": "claude-sonnet-4-6", "usage": usage}
    return event({"type": "message_start", "message": message})


START = message_start(input_tokens=60, output_tokens=1)
WEATHER = {"name": "weather", "arguments": '{"city": "Paris"}'}
TOOL = event(
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "name": "weather"}}
)


@pytest.mark.parametrize(
    ("path", "events", "text"),
    [
        ("/chat/completions", [choice(content="330 "), choice(content="metres.")], "330 metres."),
        ("/chat/completions", [choice(refusal="I cannot help with that.")], "I cannot help with that."),
        ("/chat/completions", [choice(reasoning_content="Let me think.")], "Let me think."),
        ("/chat/completions", [choice(reasoning="Let me think.")], "Let me think."),
        (
            "/chat/completions",
            [choice(tool_calls=[{"index": 0, "function": WEATHER}])],
            'weather{"city": "Paris"}',
        ),
        ("/chat/completions", [choice(function_call=WEATHER)], 'weather{"city": "Paris"}'),
        ("/completions", [chunk(choices=[{"index": 0, "text": "330 metres."}])], "330 metres."),
        (
            "/responses",
            [event({"type": "response.output_text.delta", "item_id": "i", "delta": "330 metres."})],
            "330 metres.",
        ),
        ("/messages", [START, block(type="text_delta", text="330 metres.")], "330 metres."),
        ("/messages", [START, block(type="thinking_delta", thinking="Let me think.")], "Let me think."),
        (
            "/messages",
            [START, TOOL, block(type="input_json_delta", partial_json='{"city": "Paris"}')],
            'weather{"city": "Paris"}',
        ),
    ],
)
def test_counts_every_kind_of_output_of_a_stream_without_usage(
    charged: Charged, path: str, events: list[bytes], text: str
) -> None:
    assert charged(path, *events).usage.output_tokens == charged.tokens(path, text)


@pytest.mark.parametrize(
    ("events", "counts"),
    [
        ([message_start(input_tokens=60, output_tokens=25)], (60, 25)),
        (
            [START, event({"type": "message_delta", "usage": {"input_tokens": None, "output_tokens": 30}})],
            (60, 30),
        ),
        (
            [START, block(type="text_delta", text="hello world"), event({"type": "message_delta"})],
            (60, 2),
        ),
        ([event({"type": "error", "error": {"type": "overloaded_error"}})], (8, 0)),
    ],
    ids=["cut at its start", "with null counts", "cut before its usage", "an error"],
)
def test_keeps_the_counts_of_a_message(
    charged: Charged, events: list[bytes], counts: tuple[int, int]
) -> None:
    usage = charged("/messages", *events).usage
    assert (usage.input_tokens, usage.output_tokens) == counts


USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}


@pytest.mark.parametrize("cut", [1, 1000])
def test_reads_lines_that_end_in_cr_and_bytes_that_are_no_text(charged: Charged, cut: int) -> None:
    text = json.dumps({"model": "gpt-4o-mini", "choices": [], "usage": USAGE}, indent=1)
    lines = "".join(f"data:{line}\r" for line in text.split("\n"))
    stream = b": \xff\r\r" + choice(content="330") + lines.encode() + b"\rdata: [DONE]\r\r"
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    entry = charged("/chat/completions", *pieces, content_type="Text/Event-Stream")
    assert (entry.usage.input_tokens, entry.usage.output_tokens) == (10, 2)
    assert charged.shown == b": \xff\r\r" + choice(content="330") + b"data: [DONE]\r\r"


def test_shows_a_chunk_that_has_text_beside_its_usage(charged: Charged) -> None:
    both = chunk(choices=[{"index": 0, "delta": {"content": "330"}}], usage=USAGE)
    assert charged("/chat/completions", both).usage.output_tokens == 2
    assert charged.shown == both


def test_reads_the_usage_where_groq_has_it(charged: Charged) -> None:
    entry = charged("/chat/completions", choice(content="330"), chunk(x_groq={"id": "r", "usage": USAGE}))
    assert (entry.usage.input_tokens, entry.usage.output_tokens) == (10, 2)


def test_charges_the_cost_that_a_provider_reports_where_asked_to(charged: Charged, account: Account) -> None:
    last = chunk(usage={**USAGE, "cost": 0.5})
    assert charged("/chat/completions", last, use_reported_cost=True).cost_nano_usd == 500_000_000


def test_counts_what_came_of_an_answer_that_was_cut(charged: Charged) -> None:
    piece = b'{"choices": [{"message": {"content": "330 met'
    error = httpx2.ReadError("the connection broke")
    entry = charged("/chat/completions", piece, error=error, content_type="application/json")
    assert entry.usage.output_tokens == charged.tokens("/chat/completions", piece.decode())
