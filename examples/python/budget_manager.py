"""A budget, and what was charged to it: `python budget_manager.py`, beside a running server.

The class takes the place of LiteLLM's BudgetManager. The server is the one at PURSER_ADDRESS, or else on this machine.
"""

from purser import BudgetManager

with BudgetManager(project_name="example") as manager:
    # Five dollars a month. The same call again changes nothing.
    manager.create_budget(total_budget=5.00, user="alice", duration="monthly")

    messages = [{"role": "user", "content": "How tall is the Eiffel tower?"}]
    projected = manager.projected_cost(model="gpt-4o-mini", messages=messages, user="alice")
    print(
        f"After the prompt, alice would have spent ${projected:.8f} of ${manager.get_total_budget('alice'):.2f}."
    )

    # What a provider answered: an object of its SDK, LiteLLM's ModelResponse, or its JSON.
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
