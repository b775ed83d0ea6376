"""LiteLLM's own BudgetManager on Purser, unchanged, with client_type="hosted".

    pip install litellm
    python examples/litellm_budget.py [http://127.0.0.1:8080]

LiteLLM generates the answers (mock_response), so the example needs no key. The tokens and prices are real.
"""

import sys

from litellm import BudgetManager, completion

api_base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
manager = BudgetManager(project_name="litellm-demo", client_type="hosted", api_base=api_base)
user = "alice"

if not manager.is_valid_user(user):
    manager.create_budget(total_budget=10, user=user, duration="monthly")
print(f"{user} may spend {manager.get_total_budget(user)} USD, and has spent {manager.get_current_cost(user):.8f}")

messages = [{"role": "user", "content": "How tall is the Eiffel tower?"}]
projected = manager.projected_cost(model="gpt-4o", messages=messages, user=user)
if projected <= manager.get_total_budget(user):
    response = completion(model="gpt-4o", messages=messages, mock_response="330 metres.")
    manager.update_cost(user=user, completion_obj=response)

# A call for which only the texts are known.
manager.update_cost(user=user, model="gpt-4o-mini", input_text="hello world", output_text="it is sunny today")

for model, cost in manager.get_model_cost(user).items():
    print(f"{model:<12} {cost:.8f}")
print(f"in all       {manager.get_current_cost(user):.8f}")

# A nightly job would call this. Purser starts new periods by itself, so here it changes nothing.
manager.update_budget_all_users()
