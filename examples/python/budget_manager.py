"""Creates a budget and charges it: `python budget_manager.py [project]`, while a server runs.

The class replaces LiteLLM's BudgetManager. It calls the server at PURSER_ADDRESS, by default 127.0.0.1:50051.
"""

import sys

from purser import BudgetManager

project = sys.argv[1] if len(sys.argv) > 1 else "example"

with BudgetManager(project_name=project) as manager:
    # Five dollars a month. Repeating the call changes nothing.
    manager.create_budget(total_budget=5.00, user="alice", duration="monthly")

    messages = [{"role": "user", "content": "How tall is the Eiffel tower?"}]
    projected = manager.projected_cost(model="gpt-4o-mini", messages=messages, user="alice")
    print(
        f"After the prompt, alice would have spent ${projected:.8f} of ${manager.get_total_budget('alice'):.2f}."
    )

    # A provider's answer: an object of its SDK, LiteLLM's ModelResponse, or its JSON as a dict.
    completion = {
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
    }
    charged = manager.update_cost(user="alice", completion_obj=completion)
    print(f"The call cost ${charged['cost']:.8f}, and ${charged['user']['remaining']:.8f} is left.")

    print(f"By model: {manager.get_model_cost('alice')}")

    try:
        manager.get_current_cost("bob")
    except KeyError as error:
        print(f"KeyError: {error}")
