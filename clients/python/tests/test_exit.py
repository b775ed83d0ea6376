"""Charges that still wait for Purser when the program ends."""

from __future__ import annotations

import subprocess
import sys

from .conftest import Account
from .provider import Provider, Whole, response

#: Makes a call while Purser is away, in a program of its own. Purser is there again when that program ends, but only for
#: the thread that ends it, so that the retries in the background cannot make the charge.
PROGRAM = """
import atexit, sys, threading
import httpx2
import purser.transport.queue
from purser import BudgetTransport, Client, PurserUnavailableError

class Away(Client):
    is_away = True

    def reserve_cost(self, request):
        raise PurserUnavailableError("away")

    def update_cost(self, request):
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread:
            print("charging", "while Purser is away" if Away.is_away else "when it is back")
        if Away.is_away or not in_main_thread:
            raise PurserUnavailableError("away")
        return super().update_cost(request)

address, project, url, what = sys.argv[1:]
if what == "stays away":
    purser.transport.queue._AT_EXIT_S = 0.1
inner = httpx2.HTTPTransport(verify=False)
transport = BudgetTransport(
    Away(address), project=project, user="alice", on_unavailable="allow", transport=inner
)
body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
request = httpx2.Request("POST", url, json=body, headers={"host": "provider"})
transport.handle_request(request).read()
inner.close()
if what == "closed":
    try:
        transport.close()
    except PurserUnavailableError as error:
        print(error)

@atexit.register
def back():
    Away.is_away = what == "stays away"
    print("the program ends")
"""


def run(account: Account, address: str, provider: Provider, what: str) -> tuple[list[str], str]:
    provider.answer = lambda _: Whole(response("openai-chat"))
    url = f"{provider.url}/v1/chat/completions"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, address, account.project, url, what],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines(), ran.stderr


def test_makes_the_charges_that_wait_when_the_program_ends(
    account: Account, address: str, provider: Provider
) -> None:
    printed, logged = run(account, address, provider, "comes back")
    assert printed[:3] == ["charging while Purser is away", "the program ends", "charging when it is back"]
    assert logged == ""
    [entry] = account.entries
    assert account.budget.spent_nano_usd == entry.cost_nano_usd > 0


def test_logs_the_charges_that_are_lost_when_the_program_ends(
    account: Account, address: str, provider: Provider
) -> None:
    printed, logged = run(account, address, provider, "stays away")
    assert printed[:3] == [
        "charging while Purser is away",
        "the program ends",
        "charging while Purser is away",
    ]
    assert logged == "a charge was lost: the program ended while 1 charges were waiting for Purser\n"
    assert account.entries == []


def test_does_nothing_at_the_end_once_it_is_closed(
    account: Account, address: str, provider: Provider
) -> None:
    printed, logged = run(account, address, provider, "closed")
    assert printed == [
        "charging while Purser is away",
        "charging while Purser is away",
        "1 charges are waiting for Purser, which cannot be reached",
        "the program ends",
    ]
    assert (logged, account.entries) == ("", [])
