"""What is held for a request. The prompts are counted by the server."""

from __future__ import annotations

from typing import Any, Callable

import httpx2
import pytest

from purser import BudgetTransport, Client
from purser.v1 import budget_service_pb2 as pb

from .conftest import Account

INPUT_NANO_USD, OUTPUT_NANO_USD = 150, 600
#: The tokens of the prompt in CHAT, and of all that the model takes.
CHAT_TOKENS, CONTEXT_TOKENS = 8, 128_000

CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
COMPLETIONS = {"model": "gpt-4o-mini", "prompt": "hi", "max_tokens": 100}
RESPONSES = {"model": "gpt-4o-mini", "input": "hi", "max_output_tokens": 100}
MESSAGES = {"model": "claude-sonnet-4-6", "messages": CHAT["messages"], "max_tokens": 100}

Held = Callable[[str, Any], int]


@pytest.fixture
def held(client: Client, account: Account) -> Held:
    """Returns what was held for a call, which the provider refuses."""
    inner = httpx2.MockTransport(lambda _: httpx2.Response(400))
    transport = BudgetTransport(client, project=account.project, user=account.user, transport=inner)
    request = pb.ListReservationsRequest(project=account.project)

    def of(path: str, body: Any) -> int:
        with httpx2.Client(transport=transport, base_url="http://provider/v1") as caller:
            assert caller.post(path, json=body).status_code == 400
        made = client.list_reservations(request).reservations
        return max(made, key=lambda each: each.create_time.ToNanoseconds()).held_nano_usd

    return of


@pytest.mark.parametrize(
    ("path", "body", "prompt_tokens", "output_tokens"),
    [
        ("/chat/completions", {**CHAT, "max_tokens": 100}, CHAT_TOKENS, 100),
        ("/chat/completions", {**CHAT, "max_completion_tokens": 200}, CHAT_TOKENS, 200),
        ("/chat/completions", {**CHAT, "max_completion_tokens": 200, "max_tokens": 100}, CHAT_TOKENS, 200),
        ("/chat/completions", {**CHAT, "max_tokens": 100, "n": 3}, CHAT_TOKENS, 300),
        # Not a limit, so the model may fill its context.
        ("/chat/completions", {**CHAT, "max_tokens": True}, CHAT_TOKENS, CONTEXT_TOKENS - CHAT_TOKENS),
        ("/chat/completions", {**CHAT, "max_tokens": -1}, CHAT_TOKENS, CONTEXT_TOKENS - CHAT_TOKENS),
        # Each prompt is counted with a line end.
        ("/completions", COMPLETIONS, 2, 100),
        ("/completions", {**COMPLETIONS, "n": 2, "best_of": 3}, 2, 300),
        ("/completions", {**COMPLETIONS, "n": 2, "prompt": ["hi", "hi"]}, 4, 400),
        ("/embeddings", {"model": "gpt-4o-mini", "input": "hi"}, 1, 0),
    ],
)
def test_holds_the_prompt_and_the_longest_answers(
    held: Held, path: str, body: Any, prompt_tokens: int, output_tokens: int
) -> None:
    assert held(path, body) == prompt_tokens * INPUT_NANO_USD + output_tokens * OUTPUT_NANO_USD


def chat_of(*parts: Any) -> dict[str, Any]:
    return {**CHAT, "max_tokens": 100, "messages": [{"role": "user", "content": list(parts)}]}


TEXT = {"type": "text", "text": "hi"}
IMAGE_URL = "data:image/png;base64,iVBORw0KGgo="
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [TEXT]}


@pytest.mark.parametrize(
    ("path", "less", "more"),
    [
        ("/chat/completions", chat_of(TEXT), {**chat_of(TEXT), "tools": [TOOL]}),
        ("/completions", COMPLETIONS, {**COMPLETIONS, "suffix": "and so it ends"}),
        ("/responses", RESPONSES, {**RESPONSES, "instructions": "Be brief."}),
        ("/messages", MESSAGES, {**MESSAGES, "system": "Be brief."}),
        ("/messages", MESSAGES, {**MESSAGES, "tools": [TOOL]}),
        (
            "/messages",
            {**MESSAGES, "messages": [{"role": "user", "content": [TEXT]}]},
            {**MESSAGES, "messages": [{"role": "user", "content": [TOOL_RESULT]}]},
        ),
    ],
    ids=["tools", "suffix", "instructions", "system", "Anthropic's tools", "a tool's result"],
)
def test_holds_more_for_a_longer_prompt(held: Held, path: str, less: Any, more: Any) -> None:
    assert held(path, more) > held(path, less)


def responses_of(*parts: Any) -> dict[str, Any]:
    return {**RESPONSES, "input": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("path", "body_of", "image", "tokens"),
    [
        (
            "/chat/completions",
            chat_of,
            {"type": "image_url", "image_url": {"url": IMAGE_URL, "detail": "low"}},
            85,
        ),
        # An image of unknown size has 170 more for each of 8 tiles.
        ("/chat/completions", chat_of, {"type": "image_url", "image_url": {"url": IMAGE_URL}}, 85 + 8 * 170),
        ("/responses", responses_of, {"type": "input_image", "file_id": "file_1"}, 85 + 8 * 170),
        ("/responses", responses_of, {"type": "input_image", "image_url": IMAGE_URL, "detail": "low"}, 85),
    ],
)
def test_holds_the_tokens_of_an_image(
    held: Held, path: str, body_of: Callable[..., Any], image: Any, tokens: int
) -> None:
    more = held(path, body_of(TEXT, image)) - held(path, body_of(TEXT))
    assert more == tokens * INPUT_NANO_USD
