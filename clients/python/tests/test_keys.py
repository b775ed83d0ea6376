"""Keys of the clients, on a server that records them and refuses calls. It has no budgets."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import grpc
import httpx2
import pytest

from purser import (
    AsyncBudgetTransport,
    BudgetManager,
    BudgetTransport,
    Client,
    KeyClient,
    PurserError,
    PurserUnavailableError,
    RateExceededError,
    budget_exceeded,
)
from purser.v1 import budget_service_pb2 as pb
from purser.v1 import key_service_pb2

from .provider import Provider, Whole, response
from .recorder import Recorder

KEY = "pk_" + "aB3_-" * 8 + "xyz"
BEARER = f"Bearer {KEY}"
GET = pb.GetBudgetRequest(project="p", user="alice")
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture
def keyed(recorder: Recorder) -> Iterator[Client]:
    with Client(recorder.address, api_key=KEY) as client:
        yield client


@pytest.fixture
def paid_provider(provider: Provider) -> Provider:
    provider.answer = lambda _: Whole(response("openai-chat"))
    return provider


def paying(client: Client, **options: Any) -> BudgetTransport:
    inner = httpx2.HTTPTransport(verify=False)
    return BudgetTransport(client, project="p", user="alice", transport=inner, **{"timeout": 60.0, **options})


def ask(transport: BudgetTransport, provider: Provider) -> None:
    url = f"{provider.url}/v1/chat/completions"
    transport.handle_request(httpx2.Request("POST", url, json=CHAT, headers={"host": "provider"})).read()


def test_sends_the_key_with_every_call(recorder: Recorder, keyed: Client) -> None:
    keyed.get_budget(GET)
    next(keyed.watch_budget(pb.WatchBudgetRequest(project="p", user="alice")))
    with KeyClient(recorder.address, api_key=KEY) as keys:
        keys.create_key(key_service_pb2.CreateKeyRequest(project="p"))
        keys.list_keys(key_service_pb2.ListKeysRequest(project="p"))
        keys.revoke_key(key_service_pb2.RevokeKeyRequest(project="p"))
        keys.list_audit_entries(key_service_pb2.ListAuditEntriesRequest(project="p"))
    with BudgetManager("p", api_base=recorder.address, api_key=KEY) as manager:
        manager.get_users()
    assert recorder.called == [
        *("GetBudget", "WatchBudget", "CreateKey", "ListKeys", "RevokeKey", "ListAuditEntries", "ListUsers"),
    ]
    assert set(recorder.authorizations) == {BEARER}


def test_has_every_call_of_the_key_service() -> None:
    calls = key_service_pb2.DESCRIPTOR.services_by_name["KeyService"].methods
    names = [re.sub(r"(?<!^)(?=[A-Z])", "_", each.name).lower() for each in calls]
    assert [name for name in names if not hasattr(KeyClient, name)] == []


def test_sends_the_key_with_every_call_of_a_transport(
    recorder: Recorder, keyed: Client, paid_provider: Provider
) -> None:
    with paying(keyed) as transport:
        ask(transport, paid_provider)

    async def ask_async() -> None:
        inner = httpx2.AsyncHTTPTransport(verify=False)
        made = AsyncBudgetTransport(keyed, project="p", user="alice", transport=inner, timeout=60.0)
        async with httpx2.AsyncClient(transport=made) as http:
            await http.post(f"{paid_provider.url}/v1/chat/completions", json=CHAT)

    anyio.run(ask_async)
    assert recorder.called == ["ReserveCost", "UpdateCost"] * 2
    assert set(recorder.authorizations) == {BEARER}
    assert [BEARER in each.headers.values() for each in paid_provider.received] == [False, False]


def test_takes_the_key_from_the_environment(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PURSER_KEY", KEY)
    clients = [
        Client(recorder.address),
        Client(recorder.address, api_key=""),
        Client(recorder.address, api_key="pk_given"),
        Client(recorder.address, headers={"Authorization": "Basic x"}),
    ]
    monkeypatch.setenv("PURSER_KEY", "")
    for client in [*clients, Client(recorder.address)]:
        with client:
            client.get_budget(GET)
    assert recorder.authorizations == [BEARER, BEARER, "Bearer pk_given", "Basic x", None]


def test_refuses_a_key_that_would_be_ignored(keyed: Client) -> None:
    for cls in (Client, KeyClient):
        with pytest.raises(ValueError, match=r"^api_key: cannot be used with a header `authorization`$"):
            cls(api_key=KEY, headers={"AUTHORIZATION": "Bearer other"})
    with pytest.raises(ValueError, match=r"^api_key: cannot be used with client, which has its own key$"):
        BudgetManager("p", api_key=KEY, client=keyed)


@pytest.mark.parametrize(
    "bad", ["pk_secret\n", "pk_sec ret", "Bearer pk_secret", "pk_secr\xe9t", "pk_secret\r\nx: y", "=secret"]
)
def test_refuses_a_malformed_key_without_showing_it(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^api_key: must be a key such as pk_") as given:
        Client(api_key=bad)
    monkeypatch.setenv("PURSER_KEY", bad)
    with pytest.raises(ValueError, match=r"^PURSER_KEY: must be a key such as pk_") as found:
        KeyClient()
    for raised in (given, found):
        assert "sec" not in repr(raised.value) and raised.value.__context__ is None


def test_shows_the_key_nowhere(recorder: Recorder, keyed: Client, paid_provider: Provider) -> None:
    recorder.refuse("GetBudget", "KEY_INVALID")
    shown = [keyed, KeyClient(recorder.address, api_key=KEY), paying(keyed)]
    for _ in range(2):
        with pytest.raises(PurserError) as raised:
            keyed.with_options(repeats=False).get_budget(GET)
        shown += [raised.value, raised.value.__cause__]
        recorder.close()
    assert all(KEY[3:12] not in f"{each!r} {each!s}" for each in shown)


@pytest.mark.parametrize("reason", ["KEY_MISSING", "KEY_INVALID", "KEY_NOT_ALLOWED"])
def test_does_not_retry_with_a_refused_key(recorder: Recorder, keyed: Client, reason: str) -> None:
    recorder.refuse("UpdateCost", reason)
    with pytest.raises(PurserError, match=f"^the reason is {reason}$") as raised:
        keyed.update_cost(pb.UpdateCostRequest(project="p", user="alice"))
    assert (raised.value.reason, recorder.called) == (reason, ["UpdateCost"])


def test_retries_above_a_limit_of_the_key(recorder: Recorder, keyed: Client) -> None:
    recorder.refuse("UpdateCost", "RATE_EXCEEDED", times=2, retry_after_s=0.001)
    keyed.update_cost(pb.UpdateCostRequest(project="p", user="alice"))
    assert recorder.called == ["UpdateCost"] * 3


def test_gives_up_if_a_limit_of_the_key_asks_for_too_long_a_wait(recorder: Recorder, keyed: Client) -> None:
    recorder.refuse("UpdateCost", "RATE_EXCEEDED", retry_after_s=60.5)
    with pytest.raises(RateExceededError) as raised:
        keyed.update_cost(pb.UpdateCostRequest(project="p", user="alice"))
    assert (raised.value.retry_after_s, recorder.called) == (60.5, ["UpdateCost"])
    assert not isinstance(raised.value, PurserUnavailableError)
    assert budget_exceeded(raised.value) is None


@pytest.mark.parametrize("on_unavailable", ["fail", "allow"])
def test_retries_a_hold_above_a_limit_of_the_key(
    recorder: Recorder, keyed: Client, paid_provider: Provider, on_unavailable: str
) -> None:
    recorder.refuse("ReserveCost", "RATE_EXCEEDED", times=2, retry_after_s=0.001)
    with paying(keyed, on_unavailable=on_unavailable) as transport:
        ask(transport, paid_provider)
    assert recorder.called == [*["ReserveCost"] * 3, "UpdateCost"]


@pytest.mark.parametrize("on_unavailable", ["fail", "allow"])
def test_does_not_send_a_call_whose_key_asks_for_too_long_a_wait(
    recorder: Recorder, keyed: Client, paid_provider: Provider, on_unavailable: str
) -> None:
    recorder.refuse("ReserveCost", "RATE_EXCEEDED", retry_after_s=60.5)
    with paying(keyed, on_unavailable=on_unavailable) as transport, pytest.raises(RateExceededError):
        ask(transport, paid_provider)
    assert (recorder.called, paid_provider.received) == (["ReserveCost"], [])


def test_makes_a_charge_above_a_limit_of_the_key_later(
    recorder: Recorder, keyed: Client, paid_provider: Provider
) -> None:
    lost: list[Exception] = []
    recorder.refuse("UpdateCost", "RATE_EXCEEDED", times=2, retry_after_s=0.001)
    with paying(keyed, on_lost=lost.append) as transport:
        ask(transport, paid_provider)
        transport.flush()
    assert (recorder.called, lost) == (["ReserveCost", *["UpdateCost"] * 3], [])


def test_ends_a_flush_that_makes_no_progress(
    recorder: Recorder, keyed: Client, paid_provider: Provider
) -> None:
    recorder.refuse("UpdateCost", "RATE_EXCEEDED", times=1000, retry_after_s=0.5)
    transport = paying(keyed)
    ask(transport, paid_provider)
    with pytest.raises(PurserUnavailableError, match="1 charges are waiting for Purser: a limit of the key"):
        transport.flush(timeout=0.4)
    transport._payer.queue.stop()
    transport._transport.close()


def test_reports_the_charge_of_a_revoked_key_as_lost(
    recorder: Recorder, keyed: Client, paid_provider: Provider
) -> None:
    lost: list[Any] = []
    recorder.refuse("UpdateCost", "KEY_INVALID", times=10)
    with paying(keyed, on_lost=lost.append) as transport:
        ask(transport, paid_provider)
    assert ([each.reason for each in lost], recorder.called) == (
        ["KEY_INVALID"],
        ["ReserveCost", "UpdateCost"],
    )


def test_does_not_send_a_call_whose_key_is_refused(
    recorder: Recorder, keyed: Client, paid_provider: Provider
) -> None:
    recorder.refuse("ReserveCost", "KEY_INVALID")
    with paying(keyed, on_unavailable="allow") as transport, pytest.raises(PurserError, match="KEY_INVALID"):
        ask(transport, paid_provider)
    assert (recorder.called, paid_provider.received) == (["ReserveCost"], [])


def test_sends_the_key_over_tls(tmp_path: Path) -> None:
    secret, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", secret, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    credentials = grpc.ssl_server_credentials([(secret.read_bytes(), certificate.read_bytes())])
    recorder = Recorder(credentials)
    try:
        with Client(recorder.address, api_key=KEY, ca_file=certificate) as client:
            client.get_budget(GET)
        # Without the file, nobody vouches for the server, so it must not get the key.
        with Client(recorder.address, api_key=KEY) as wary, pytest.raises(PurserUnavailableError):
            wary.with_options(repeats=False).get_budget(GET)
    finally:
        recorder.close()
    assert recorder.authorizations == [BEARER]
    with pytest.raises(ValueError, match="ca_file: cannot be used with an http address"):
        Client("http://127.0.0.1:1", ca_file=certificate)
