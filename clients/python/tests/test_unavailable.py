"""BudgetTransport and BudgetManager while Purser cannot be reached."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from purser import BudgetManager, BudgetTransport, Client, PurserUnavailableError
from purser.v1 import budget_service_pb2 as pb

from .conftest import Account
from .provider import Provider, Whole, response

CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}


class Line:
    """A port that forwards to the server while `is_up`."""

    def __init__(self, address: str) -> None:
        target = urlsplit(address if "://" in address else f"//{address}")
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.is_up = False
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.is_up = False
        for each in self._open:
            # A plain close would not wake the thread that reads from it.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            if not self.is_up:
                caller.close()
                continue
            server = socket.create_connection(self._target)
            self._open += [caller, server]
            for source, sink in ((caller, server), (server, caller)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


@pytest.fixture
def line(address: str) -> Iterator[Line]:
    line = Line(address)
    yield line
    line.close()


def transport_of(line: Line, account: Account, **options: Any) -> BudgetTransport:
    inner = httpx2.HTTPTransport(verify=False)
    return BudgetTransport(
        Client(line.address),
        project=account.project,
        user=account.user,
        transport=inner,
        **{"timeout": 2.0, **options},
    )


def ask(transport: BudgetTransport, provider: Provider) -> httpx2.Response:
    # Without an httpx client, because closing it would flush.
    url = f"{provider.url}/v1/chat/completions"
    answer = transport.handle_request(httpx2.Request("POST", url, json=CHAT, headers={"host": "provider"}))
    answer.read()
    return answer


def test_fails_a_call(line: Line, account: Account, provider: Provider) -> None:
    with transport_of(line, account, timeout=0.5) as transport, pytest.raises(PurserUnavailableError):
        ask(transport, provider)
    assert provider.received == []


class NoAnswer(Client):
    """A client that loses the answer to each hold."""

    def reserve_cost(self, request: pb.ReserveCostRequest) -> pb.ReserveCostResponse:
        super().reserve_cost(request)
        raise PurserUnavailableError("the answer was lost")


def test_frees_the_hold_whose_answer_was_lost(address: str, account: Account, provider: Provider) -> None:
    with (
        NoAnswer(address) as client,
        BudgetTransport(client, project=account.project, user=account.user) as transport,
        pytest.raises(PurserUnavailableError, match="the answer was lost"),
    ):
        ask(transport, provider)
    assert (provider.received, account.reservations) == ([], ["RELEASED"])


def test_settles_the_hold_whose_answer_was_lost_where_calls_are_allowed(
    address: str, account: Account, provider: Provider
) -> None:
    provider.answer = lambda _: Whole(response("openai-chat"))
    with NoAnswer(address) as client:
        transport = BudgetTransport(
            client,
            project=account.project,
            user=account.user,
            transport=httpx2.HTTPTransport(verify=False),
            on_unavailable="allow",
        )
        ask(transport, provider)
        transport.close()
    assert account.reservations == ["SETTLED"]
    [entry] = account.entries
    assert account.budget.spent_nano_usd == entry.cost_nano_usd > 0


def test_lets_a_call_through_and_charges_it_later(line: Line, account: Account, provider: Provider) -> None:
    provider.answer = lambda _: Whole(response("openai-chat"))
    transport = transport_of(line, account, on_unavailable="allow")
    assert ask(transport, provider).status_code == 200
    with pytest.raises(
        PurserUnavailableError, match="1 charges are waiting for Purser, which cannot be reached"
    ):
        transport.flush()
    assert account.budget.spent_nano_usd == 0
    line.is_up = True
    flushed(transport)
    [entry] = account.entries
    assert account.budget.spent_nano_usd == entry.cost_nano_usd > 0
    transport.close()


def test_charges_later_what_was_held_before(line: Line, account: Account, provider: Provider) -> None:
    def answer(_: object) -> Whole:
        line.cut()
        return Whole(response("openai-chat"))

    provider.answer = answer
    line.is_up = True
    transport = transport_of(line, account)
    ask(transport, provider)
    assert account.reservations == ["HELD"]
    line.is_up = True
    flushed(transport)
    assert account.reservations == ["SETTLED"]
    assert len(account.entries) == 1
    transport.close()


def test_refuses_calls_when_as_many_wait_as_may(line: Line, account: Account, provider: Provider) -> None:
    provider.answer = lambda _: Whole(response("openai-chat"))
    transport = transport_of(line, account, on_unavailable="allow", queue_max=2)
    ask(transport, provider)
    ask(transport, provider)
    with pytest.raises(PurserUnavailableError, match="2 charges are already waiting for Purser"):
        ask(transport, provider)
    assert len(provider.received) == 2
    line.is_up = True
    flushed(transport)
    assert len(account.entries) == 2
    transport.close()


def test_tells_of_a_charge_that_is_refused(line: Line, account: Account, provider: Provider) -> None:
    lost: list[Exception] = []
    provider.answer = lambda _: Whole(response("openai-chat"))
    nobody = Account(account.client, account.project, "nobody")
    transport = transport_of(line, nobody, on_unavailable="allow", on_lost=lost.append)
    ask(transport, provider)
    line.is_up = True
    flushed(transport)
    assert [str(error) for error in lost] == [
        f'no budget for user "nobody" in project "{account.project}"; CreateBudget creates one'
    ]
    transport.close()


def test_asks_again_with_the_same_id(line: Line, account: Account) -> None:
    """The line is restored while the manager retries."""
    threading.Timer(0.3, lambda: setattr(line, "is_up", True)).start()
    with BudgetManager(account.project, api_base=line.address) as manager:
        charged = manager.update_cost("alice", model="gpt-4o-mini", input_text="hello", output_text="world")
    [entry] = account.entries
    assert entry.request_id == charged["request_id"]


def flushed(transport: BudgetTransport) -> None:
    """Flushes until gRPC has noticed that the line is restored."""
    for _ in range(100):
        try:
            transport.flush()
        except PurserUnavailableError:
            threading.Event().wait(0.05)
        else:
            return
    transport.flush()
