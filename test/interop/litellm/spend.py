"""A process with LiteLLM's BudgetManager: loads the map, waits for a line of input, and records calls of one user.

Arguments: the server, the project, the user, how many calls. Prints "ready", then what each call cost.
"""

import sys
import threading

from litellm import BudgetManager, completion_cost
from litellm.types.utils import ModelResponse

api_base, project, user, calls = sys.argv[1:]
manager = BudgetManager(project_name=project, client_type="hosted", api_base=api_base)
print("ready", flush=True)
sys.stdin.readline()


def answer(number: int) -> ModelResponse:
    """Of different models and lengths, so that no two calls look alike to whoever merges them."""
    tokens = {"prompt_tokens": 100 + number, "completion_tokens": 10 + number}
    return ModelResponse(
        model=["gpt-4o", "gpt-4o-mini"][number % 2],
        choices=[{"message": {"role": "assistant", "content": "Hello."}}],
        usage={**tokens, "total_tokens": sum(tokens.values())},
    )


for number in range(int(calls)):
    response = answer(number)
    manager.update_cost(user=user, completion_obj=response)
    print(repr(completion_cost(completion_response=response)), flush=True)

for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.daemon:
        thread.join()
