"""AsyncBudgetTransport under the SDKs."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import anthropic
import anyio
import httpx
import httpx2
import openai
import pytest

from purser import AsyncBudgetTransport, BudgetExceededError, BudgetTransport, Client, InvalidFieldError
from purser.v1 import budget_service_pb2 as pb

from .conftest import Account
from .provider import (
    DONE,
    Provider,
    Received,
    Streamed,
    Whole,
    chat_chunk,
    chat_usage,
    message_events,
    response,
)

HI = [{"role": "user", "content": "How tall is the Eiffel tower?"}]
PROMPT_NANO_USD, OUTPUT_NANO_USD = 14 * 150, 600

libraries = pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)


def transport_of(library: Any, client: Client, account: Account) -> AsyncBudgetTransport:
    inner = library.AsyncHTTPTransport(verify=False)
    return AsyncBudgetTransport(client, project=account.project, user=lambda: account.user, transport=inner)


def open_ai(library: Any, client: Client, account: Account, provider: Provider) -> openai.AsyncOpenAI:
    http = library.AsyncClient(transport=transport_of(library, client, account))
    return openai.AsyncOpenAI(api_key="k", base_url=f"{provider.url}/v1", http_client=http)


def ask(sdk: openai.AsyncOpenAI, **more: Any) -> Any:
    return sdk.chat.completions.create(  # type: ignore[call-overload]
        **{"model": "gpt-4o-mini", "messages": HI, "max_tokens": 100, **more}
    )


@libraries
def test_pays_for_many_calls_at_once(
    library: Any, client: Client, account: Account, provider: Provider
) -> None:
    def answer(received: Received) -> Any:
        if received.json.get("stream"):
            return Streamed([chat_chunk("330"), chat_usage(14, 1), DONE])
        return Whole(response("openai-chat"))

    async def stream(sdk: openai.AsyncOpenAI) -> list[str]:
        return [chunk.choices[0].delta.content async for chunk in await ask(sdk, stream=True)]

    async def main() -> None:
        async with open_ai(library, client, account, provider) as sdk:
            streams = asyncio.gather(*(stream(sdk) for _ in range(5)))
            await asyncio.gather(*(ask(sdk) for _ in range(5)))
            assert await streams == [["330"]] * 5

    provider.answer = answer
    asyncio.run(main())
    assert account.reservations == ["SETTLED"] * 10
    assert sum(entry.cost_nano_usd for entry in account.entries) == account.budget.spent_nano_usd
    assert [entry.cost_nano_usd for entry in account.entries].count(PROMPT_NANO_USD + OUTPUT_NANO_USD) == 5


@libraries
def test_is_refused_before_a_byte_leaves(
    library: Any, client: Client, account: Account, provider: Provider
) -> None:
    async def main() -> None:
        async with open_ai(library, client, account, provider) as sdk:
            with pytest.raises(BudgetExceededError):
                await ask(sdk, max_tokens=100_000_000)

    asyncio.run(main())
    assert (provider.received, account.reservations) == ([], [])


@libraries
def test_settles_a_call_that_is_cancelled(
    library: Any, client: Client, account: Account, provider: Provider
) -> None:
    async def main() -> None:
        http = transport_of(library, client, account)
        async with library.AsyncClient(transport=http) as caller:
            sdk = openai.AsyncOpenAI(api_key="k", base_url=f"{provider.url}/v1", http_client=caller)
            task = asyncio.ensure_future(ask(sdk))
            while not provider.received:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await http.flush()

    provider.answer = lambda _: "wait"
    asyncio.run(main())
    assert account.budget.spent_nano_usd == PROMPT_NANO_USD
    assert account.reservations == ["SETTLED"]


@libraries
def test_settles_a_stream_that_is_cancelled(
    library: Any, client: Client, account: Account, provider: Provider
) -> None:
    async def read(sdk: openai.AsyncOpenAI, begun: asyncio.Event) -> None:
        async for _ in await ask(sdk, stream=True):
            begun.set()

    async def main() -> None:
        async with open_ai(library, client, account, provider) as sdk:
            begun = asyncio.Event()
            task = asyncio.ensure_future(read(sdk, begun))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    provider.answer = lambda _: Streamed([chat_chunk("hello")], then="wait")
    asyncio.run(main())
    assert account.budget.spent_nano_usd == PROMPT_NANO_USD + OUTPUT_NANO_USD
    assert account.reservations == ["SETTLED"]


@libraries
def test_settles_a_stream_in_a_cancelled_scope(
    library: Any, client: Client, account: Account, provider: Provider
) -> None:
    """In a cancelled scope of anyio, every further `await` is cancelled too, so the charge is left to the queue."""

    async def main() -> None:
        async with open_ai(library, client, account, provider) as sdk:
            with anyio.CancelScope() as scope:
                async for _ in await ask(sdk, stream=True):
                    scope.cancel()
            assert scope.cancelled_caught

    provider.answer = lambda _: Streamed([chat_chunk("hello")], then="wait")
    asyncio.run(main())
    assert account.budget.spent_nano_usd == PROMPT_NANO_USD + OUTPUT_NANO_USD
    assert account.reservations == ["SETTLED"]


class SlowAnswer(Client):
    """A client that keeps the answer to a hold back until `goes_on` is set."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.has_held = threading.Event()
        self.goes_on = threading.Event()

    def reserve_cost(self, request: pb.ReserveCostRequest) -> pb.ReserveCostResponse:
        reserved = super().reserve_cost(request)
        self.has_held.set()
        self.goes_on.wait(60)
        return reserved


@libraries
def test_releases_the_hold_of_a_call_that_is_cancelled_before_it_is_sent(
    library: Any, address: str, account: Account, provider: Provider
) -> None:
    async def main(client: SlowAnswer) -> None:
        http = transport_of(library, client, account)
        request = library.Request(
            "POST",
            f"{provider.url}/v1/chat/completions",
            json={"model": "gpt-4o-mini", "messages": HI, "max_tokens": 100},
        )
        task = asyncio.ensure_future(http.handle_async_request(request))
        assert await asyncio.to_thread(client.has_held.wait, 60)
        assert account.reservations == ["HELD"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        client.goes_on.set()
        await http.aclose()

    with SlowAnswer(address) as client:
        asyncio.run(main(client))
        assert (provider.received, account.reservations) == ([], ["RELEASED"])
    assert account.budget.held_nano_usd == 0


def test_settles_what_an_inner_transport_has_already(client: Client, account: Account) -> None:
    """A cache has the whole answer, a refusal costs nothing, and a call in the background costs the whole hold."""
    answers = [httpx2.Response(200, json=response("openai-chat")), httpx2.Response(400), httpx2.Response(200)]

    async def main() -> None:
        inner = httpx2.MockTransport(lambda _: answers.pop(0))
        transport = AsyncBudgetTransport(client, project=account.project, user=account.user, transport=inner)
        async with httpx2.AsyncClient(transport=transport, base_url="http://provider/v1") as caller:
            for _ in range(2):
                await caller.post("/chat/completions", json={"model": "gpt-4o-mini", "messages": HI})
            background = {"model": "gpt-4o-mini", "input": "hi", "max_output_tokens": 100, "background": True}
            await caller.post("/responses", json=background)

    asyncio.run(main())
    assert account.reservations == ["RELEASED", "SETTLED", "SETTLED"]
    in_background, cached = account.entries
    assert in_background.cost_nano_usd > 100 * OUTPUT_NANO_USD
    assert cached.usage.output_tokens == response("openai-chat")["usage"]["completion_tokens"]


def test_refuses_models_on_unknown_paths_where_asked_to(client: Client, account: Account) -> None:
    async def main() -> None:
        inner = httpx2.MockTransport(lambda _: httpx2.Response(200))
        transport = AsyncBudgetTransport(
            client, project=account.project, user=account.user, transport=inner, on_unknown="refuse"
        )
        async with httpx2.AsyncClient(transport=transport, base_url="http://provider/v1") as caller:
            with pytest.raises(InvalidFieldError, match="POST /v1/audio/speech names a model"):
                await caller.post("/audio/speech", json={"model": "tts-1", "input": "hello"})
            assert (await caller.post("/moderations", json={"model": "omni-moderation-latest"})).is_success

    asyncio.run(main())


@libraries
def test_closes_its_inner_transport_with_its_own(library: Any, client: Client) -> None:
    closed: list[str] = []

    class Inner(library.MockTransport):  # type: ignore[misc]
        def close(self) -> None:
            closed.append("close")

        async def aclose(self) -> None:
            closed.append("aclose")

    async def main() -> None:
        inner = Inner(lambda _: library.Response(200))
        async with AsyncBudgetTransport(client, project="p", user="u", transport=inner):
            pass

    asyncio.run(main())
    with BudgetTransport(client, project="p", user="u", transport=Inner(lambda _: library.Response(200))):
        pass
    assert closed == ["aclose", "close"]


@libraries
def test_makes_the_librarys_own_transport(
    library: Any, client: Client, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Whole(response("openai-chat"))
    body = {"model": "gpt-4o-mini", "messages": HI}
    url = f"{provider.url}/v1/chat/completions"
    payer: Any = {"client": client, "project": account.project, "user": account.user}

    async def main() -> None:
        async with library.AsyncClient(transport=AsyncBudgetTransport(**payer)) as caller:
            assert (await caller.post(url, json=body)).status_code == 200

    asyncio.run(main())
    with library.Client(transport=BudgetTransport(**payer)) as caller:
        assert caller.post(url, json=body).status_code == 200
    assert account.reservations == ["SETTLED", "SETTLED"]


def test_pays_for_anthropics_streams(client: Client, account: Account, provider: Provider) -> None:
    async def main() -> None:
        http = httpx2.AsyncClient(transport=transport_of(httpx2, client, account))
        async with anthropic.AsyncAnthropic(api_key="k", base_url=provider.url, http_client=http) as sdk:
            stream = await sdk.messages.create(
                model="claude-sonnet-4-6",
                messages=[{"role": "user", "content": "hi"}],
                max_tokens=10,
                stream=True,
            )
            assert [event.type async for event in stream][-1] == "message_stop"

    provider.answer = lambda _: Streamed(message_events("hello"))
    asyncio.run(main())
    assert account.budget.spent_nano_usd == 60 * 3000 + 40 * 300 + 30 * 15000
    assert account.reservations == ["SETTLED"]
