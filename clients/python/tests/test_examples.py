"""The examples, run as a user would run them."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from .provider import DONE, Provider, Streamed, chat_chunk, chat_usage

EXAMPLES = Path(__file__).parents[3] / "examples" / "python"


@pytest.fixture
def project() -> str:
    """A new project, so that the tests can run again on the same server."""
    return f"example-{uuid.uuid4()}"


def run(name: str, project: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, project],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_budget_manager(project: str) -> None:
    assert run("budget_manager.py", project) == (
        "After the prompt, alice would have spent $0.00000210 of $5.00.\n"
        "The call cost $0.00045000, and $4.99955000 is left.\n"
        "By model: {'gpt-4o-mini': 0.00045}\n"
        f'KeyError: no budget for user "bob" in project "{project}"; CreateBudget creates one\n'
    )


def test_budget_transport(provider: Provider, project: str) -> None:
    provider.answer = lambda _: Streamed([chat_chunk("330"), chat_chunk(" metres."), chat_usage(14, 4), DONE])
    printed = run("budget_transport.py", project, OPENAI_API_KEY="k", OPENAI_BASE_URL=f"{provider.url}/v1")
    assert printed == (
        "330 metres.\nThat cost $0.00000450.\nNot sent: $0.00999550 is left, and it may cost $0.06000.\n"
    )
    assert len(provider.received) == 1
