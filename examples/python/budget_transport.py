"""Keeps the OpenAI SDK within a budget: `python budget_transport.py [project]`, with a server and OPENAI_API_KEY set.

The transport holds the worst case of each call before it is sent, and charges the real cost when the answer has arrived.
"""

import sys

from openai import DefaultHttpxClient, OpenAI

from purser import BudgetExceededError, BudgetManager, BudgetTransport, Client

project = sys.argv[1] if len(sys.argv) > 1 else "example"

with Client() as purser:
    manager = BudgetManager(project, client=purser)
    manager.create_budget(total_budget=0.01, user="bob", duration="daily")

    transport = BudgetTransport(purser, project=project, user="bob")
    with OpenAI(http_client=DefaultHttpxClient(transport=transport)) as openai:
        stream = openai.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "How tall is the Eiffel tower?"}],
            max_tokens=100,
            stream=True,
        )
        for chunk in stream:
            print(chunk.choices[0].delta.content or "", end="")
        print(f"\nThat cost ${manager.get_current_cost('bob'):.8f}.")

        try:
            openai.chat.completions.create(
                model="gpt-4o-mini",
                messages=[{"role": "user", "content": "Write a novel."}],
                max_tokens=100_000,
            )
        except BudgetExceededError as error:
            print(f"Not sent: ${error.remaining_usd:.8f} is left, and it may cost ${error.asked_usd:.5f}.")
