"""BudgetTransport under the Anthropic SDK."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import httpx2
import pytest

from purser import BudgetExceededError, BudgetTransport, Client

from .conftest import Account
from .provider import Provider, Streamed, Whole, message_events, response

HI = [{"role": "user", "content": "hi"}]
MODEL = "claude-sonnet-4-6"
#: At 3, 0.30 and 15 dollars per million tokens.
INPUT_NANO_USD, CACHED_NANO_USD, OUTPUT_NANO_USD = 3000, 300, 15000
PROMPT_NANO_USD = 60 * INPUT_NANO_USD + 40 * CACHED_NANO_USD


@pytest.fixture
def sdk(client: Client, account: Account, provider: Provider) -> Iterator[anthropic.Anthropic]:
    transport = BudgetTransport(
        client, project=account.project, user=account.user, transport=httpx2.HTTPTransport(verify=False)
    )
    http = httpx2.Client(transport=transport)
    with anthropic.Anthropic(api_key="k", base_url=provider.url, http_client=http) as sdk:
        yield sdk


def ask(sdk: anthropic.Anthropic) -> anthropic.types.Message:
    return sdk.messages.create(model=MODEL, messages=HI, max_tokens=100)  # type: ignore[arg-type]


def test_charges_the_usage_of_a_message(
    sdk: anthropic.Anthropic, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Whole({**response("anthropic-message-cached"), "model": MODEL})
    usage = ask(sdk).usage
    [entry] = account.entries
    cached = usage.cache_read_input_tokens or 0
    assert entry.usage.input_tokens == usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0)
    assert (entry.usage.cache_read_tokens, entry.usage.output_tokens) == (cached, usage.output_tokens)
    assert account.budget.spent_nano_usd == entry.cost_nano_usd > 0
    assert account.reservations == ["SETTLED"]


def test_adds_up_the_usage_of_a_stream(
    sdk: anthropic.Anthropic, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Streamed(message_events("hello", " world"))
    with sdk.messages.stream(model=MODEL, messages=HI, max_tokens=100) as stream:  # type: ignore[arg-type]
        assert "".join(stream.text_stream) == "hello world"
    assert account.budget.spent_nano_usd == PROMPT_NANO_USD + 30 * OUTPUT_NANO_USD
    assert account.reservations == ["SETTLED"]


def test_counts_the_output_of_a_stream_that_was_cut(
    sdk: anthropic.Anthropic, account: Account, provider: Provider
) -> None:
    before_its_end = message_events("hello", " world")[:-3]
    provider.answer = lambda _: Streamed(before_its_end, then="cut")
    with pytest.raises(httpx2.RemoteProtocolError):
        list(sdk.messages.create(model=MODEL, messages=HI, max_tokens=100, stream=True))  # type: ignore[arg-type]
    assert account.budget.spent_nano_usd == PROMPT_NANO_USD + 2 * OUTPUT_NANO_USD
    assert account.reservations == ["SETTLED"]


def test_is_refused_before_a_byte_leaves_and_once(
    sdk: anthropic.Anthropic, account: Account, provider: Provider
) -> None:
    with pytest.raises(BudgetExceededError):
        sdk.messages.create(model=MODEL, messages=HI, max_tokens=1_000_000, stream=True)  # type: ignore[arg-type]
    assert (provider.received, account.reservations) == ([], [])


def test_counts_tools_documents_and_images_before_the_call(
    sdk: anthropic.Anthropic, account: Account, provider: Provider
) -> None:
    held: list[int] = []

    def answer(_: object) -> Whole:
        held.append(account.budget.held_nano_usd)
        return Whole({**response("anthropic-message"), "model": MODEL})

    provider.answer = answer
    ask(sdk)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    results = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "text", "text": "sunny"}, image],
    }
    tool = {"name": "weather", "description": "The weather of a place", "input_schema": {"type": "object"}}
    sdk.messages.create(
        model=MODEL,
        max_tokens=100,
        system="Be brief.",
        messages=[*HI, {"role": "user", "content": [results]}],  # type: ignore[list-item]
        tools=[tool],  # type: ignore[list-item]
    )
    # An image of unknown size counts as the largest: 85 tokens, and 170 for each of 8 tiles.
    assert held[1] - held[0] > (85 + 8 * 170) * INPUT_NANO_USD


def test_leaves_the_counting_of_tokens_alone(
    sdk: anthropic.Anthropic, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Whole({"input_tokens": 8})
    assert sdk.messages.count_tokens(model=MODEL, messages=HI).input_tokens == 8  # type: ignore[arg-type]
    assert account.reservations == []
