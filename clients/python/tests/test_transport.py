"""BudgetTransport under the OpenAI SDK, which takes clients of httpx and of httpx2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest

from purser import BudgetExceededError, BudgetManager, BudgetTransport, Client, budget_exceeded
from purser.v1 import budget_service_pb2 as pb

from .conftest import Account
from .provider import DONE, Provider, Streamed, Whole, chat_chunk, chat_usage, event, response

HI = [{"role": "user", "content": "How tall is the Eiffel tower?"}]
#: At 0.15 and 0.60 dollars per million tokens.
INPUT_NANO_USD, OUTPUT_NANO_USD = 150, 600
#: The number of tokens that the server counts for HI.
HI_TOKENS = 14

OpenAi = Callable[..., openai.OpenAI]
#: For tests in which the two libraries may behave differently.
with_both = pytest.mark.parametrize(
    "library", [httpx, httpx2], indirect=True, ids=lambda library: library.__name__
)


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Any:
    return getattr(request, "param", httpx2)


@pytest.fixture
def open_ai(library: Any, client: Client, account: Account, provider: Provider) -> Iterator[OpenAi]:
    """Makes SDKs that pay from the account; the options are the transport's."""
    made: list[openai.OpenAI] = []

    def make(**options: Any) -> openai.OpenAI:
        transport = BudgetTransport(
            client,
            project=account.project,
            user=account.user,
            transport=library.HTTPTransport(verify=False),
            **options,
        )
        http = library.Client(transport=transport)
        made.append(openai.OpenAI(api_key="k", base_url=f"{provider.url}/v1", http_client=http))
        return made[-1]

    yield make
    for each in made:
        each.close()


def ask(sdk: openai.OpenAI, **more: Any) -> Any:
    return sdk.chat.completions.create(model="gpt-4o-mini", messages=HI, max_tokens=100, **more)  # type: ignore[call-overload]


def settled(account: Account, cost_nano_usd: int) -> None:
    """Asserts that one call was made, that it was charged this amount, and that nothing is held."""
    assert account.budget.spent_nano_usd == cost_nano_usd
    assert account.budget.held_nano_usd == 0
    assert account.reservations == ["SETTLED"]


@with_both
def test_charges_the_usage_of_an_answer(open_ai: OpenAi, account: Account, provider: Provider) -> None:
    held = []

    def answer(_: object) -> Whole:
        held.append(account.budget.held_nano_usd)
        return Whole(response("openai-chat"))

    provider.answer = answer
    usage = ask(open_ai()).usage
    assert held == [HI_TOKENS * INPUT_NANO_USD + 100 * OUTPUT_NANO_USD]
    assert account.reservations == ["SETTLED"]
    [entry] = account.entries
    assert (entry.usage.input_tokens, entry.usage.output_tokens) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert account.budget.spent_nano_usd == entry.cost_nano_usd > 0


@with_both
def test_asks_for_the_usage_of_a_stream_and_keeps_its_chunk(
    open_ai: OpenAi, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Streamed([chat_chunk("330"), chat_chunk(" m"), chat_usage(15, 3), DONE])
    texts = [chunk.choices[0].delta.content for chunk in ask(open_ai(), stream=True)]
    assert texts == ["330", " m"]
    assert provider.received[0].json["stream_options"] == {"include_usage": True}
    settled(account, 15 * INPUT_NANO_USD + 3 * OUTPUT_NANO_USD)


def test_leaves_the_usage_to_a_caller_who_asked_for_it(
    open_ai: OpenAi, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Streamed([chat_chunk("330"), chat_usage(15, 1), DONE])
    chunks = list(ask(open_ai(), stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == 1
    settled(account, 15 * INPUT_NANO_USD + OUTPUT_NANO_USD)


def test_asks_nothing_of_a_provider_that_refuses(
    open_ai: OpenAi, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Streamed([chat_chunk("hello"), chat_chunk(" world"), DONE])
    assert len(list(ask(open_ai(stream_usage=False), stream=True))) == 2
    assert "stream_options" not in provider.received[0].json
    settled(account, HI_TOKENS * INPUT_NANO_USD + 2 * OUTPUT_NANO_USD)


@with_both
def test_charges_what_came_before_a_stream_was_cut(
    open_ai: OpenAi, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Streamed([chat_chunk("hello"), chat_chunk(" world")], then="cut")
    with pytest.raises(openai.APIConnectionError):
        list(ask(open_ai(), stream=True))
    settled(account, HI_TOKENS * INPUT_NANO_USD + 2 * OUTPUT_NANO_USD)


@with_both
def test_charges_what_came_of_a_stream_that_is_given_up(
    open_ai: OpenAi, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Streamed([chat_chunk("hello"), chat_chunk(" world")], then="wait")
    with ask(open_ai(), stream=True) as stream:
        assert next(iter(stream)).choices[0].delta.content == "hello"
    assert account.reservations == ["SETTLED"]
    assert account.budget.spent_nano_usd in {
        HI_TOKENS * INPUT_NANO_USD + tokens * OUTPUT_NANO_USD for tokens in (1, 2)
    }


@with_both
def test_is_refused_before_a_byte_leaves_and_once(
    open_ai: OpenAi, account: Account, provider: Provider
) -> None:
    with pytest.raises(BudgetExceededError) as refused:
        open_ai().chat.completions.create(model="gpt-4o-mini", messages=HI, max_tokens=100_000_000)
    assert provider.received == []
    error = refused.value
    assert budget_exceeded(RuntimeError()) is None and budget_exceeded(error) is error
    assert (error.reason, error.project, error.user) == ("BUDGET_EXCEEDED", account.project, "alice")
    assert (error.refused_by, error.remaining_usd, error.retry_at) == ("alice", 10.0, None)
    assert error.asked_nano_usd == HI_TOKENS * INPUT_NANO_USD + 100_000_000 * OUTPUT_NANO_USD
    assert "has $10.00 left" in str(error)
    assert account.reservations == []


def test_says_when_to_try_again(open_ai: OpenAi, client: Client, account: Account) -> None:
    record = BudgetManager(account.project, client=client).create_budget(10, account.user, "daily")
    with pytest.raises(BudgetExceededError, match="; try again at ") as refused:
        open_ai().chat.completions.create(model="gpt-4o-mini", messages=HI, max_tokens=100_000_000)
    assert refused.value.retry_at is not None
    assert refused.value.retry_at.timestamp() == pytest.approx(record["period_end"], abs=60)


@pytest.mark.parametrize("status", [400, 429])
def test_frees_the_hold_of_a_refused_call(
    open_ai: OpenAi, account: Account, provider: Provider, status: int
) -> None:
    provider.answer = lambda _: Whole({"error": {"message": "no"}}, status, {"x-should-retry": "false"})
    with pytest.raises(openai.APIStatusError):
        ask(open_ai())
    assert account.reservations == ["RELEASED"]
    assert account.budget.spent_nano_usd == 0


def test_holds_each_attempt_by_itself(open_ai: OpenAi, account: Account, provider: Provider) -> None:
    answers = iter([Whole({}, 500, {"retry-after-ms": "1"}), Whole(response("openai-chat"))])
    provider.answer = lambda _: next(answers)
    ask(open_ai())
    assert account.reservations == ["RELEASED", "SETTLED"]


@with_both
def test_frees_the_hold_where_nothing_was_sent(open_ai: OpenAi, account: Account) -> None:
    sdk = open_ai().with_options(base_url="http://127.0.0.1:1/v1", max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        ask(sdk)
    assert account.reservations == ["RELEASED"]


@pytest.mark.parametrize("answer", ["cut", "wait"])
def test_charges_the_prompt_where_no_answer_comes(
    open_ai: OpenAi, account: Account, provider: Provider, answer: Any
) -> None:
    provider.answer = lambda _: answer
    with pytest.raises(openai.APIConnectionError):
        ask(open_ai().with_options(max_retries=0, timeout=0.5))
    settled(account, HI_TOKENS * INPUT_NANO_USD)


def test_holds_as_many_answers_as_are_asked_for(
    open_ai: OpenAi, client: Client, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Whole(response("openai-chat"))
    open_ai().chat.completions.create(model="gpt-4o-mini", messages=HI, n=3)
    listed = client.list_reservations(pb.ListReservationsRequest(project=account.project)).reservations
    held = sorted(each.held_nano_usd - HI_TOKENS * INPUT_NANO_USD for each in listed)
    assert held[1] == 3 * held[0] > 0
    assert account.reservations == ["RELEASED", "SETTLED"]


def test_pays_for_responses(open_ai: OpenAi, account: Account, provider: Provider) -> None:
    whole = response("openai-responses")
    created = {
        "type": "response.created",
        "sequence_number": 0,
        "response": {**whole, "usage": None, "output": []},
    }
    completed = {"type": "response.completed", "sequence_number": 1, "response": whole}
    provider.answer = lambda _: Streamed([event(each, each["type"]) for each in (created, completed)])
    sdk = open_ai()
    list(sdk.responses.create(model="gpt-4o-mini", input="hi", max_output_tokens=10, stream=True))
    provider.answer = lambda _: Whole(whole)
    sdk.responses.create(model="gpt-4o-mini", input=[{"role": "user", "content": "hi"}], max_output_tokens=10)
    streamed, plain = account.entries
    assert streamed.usage == plain.usage
    assert plain.usage.input_tokens == whole["usage"]["input_tokens"]
    assert account.reservations == ["SETTLED", "SETTLED"]


def test_holds_what_a_call_in_the_background_may_cost(
    open_ai: OpenAi, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Whole(response("openai-responses-in-progress"))
    open_ai().responses.create(model="gpt-4o-mini", input="hi", max_output_tokens=10, background=True)
    [entry] = account.entries
    assert entry.cost_nano_usd > 10 * OUTPUT_NANO_USD
    settled(account, entry.cost_nano_usd)


def test_pays_for_embeddings(open_ai: OpenAi, account: Account, provider: Provider) -> None:
    whole = response("openai-embeddings")
    provider.answer = lambda _: Whole(whole)
    open_ai().embeddings.create(
        model="text-embedding-3-small", input=["hello", "world"], encoding_format="float"
    )
    [entry] = account.entries
    assert entry.usage.input_tokens == whole["usage"]["prompt_tokens"]
    settled(account, entry.cost_nano_usd)


def test_counts_an_answer_without_usage(open_ai: OpenAi, account: Account, provider: Provider) -> None:
    whole = {**response("openai-chat"), "usage": None}
    provider.answer = lambda _: Whole(whole)
    ask(open_ai())
    [entry] = account.entries
    assert entry.usage.input_tokens == HI_TOKENS
    assert entry.usage.output_tokens > 0
    assert account.reservations == ["SETTLED"]
