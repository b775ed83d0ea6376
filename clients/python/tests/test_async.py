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

from purser import AsyncBudgetTransport, BudgetExceededError, Client
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
