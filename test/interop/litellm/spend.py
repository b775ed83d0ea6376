"""Processes with LiteLLM's BudgetManager: each loads the map, waits for a line of input, and records calls of one user.

Arguments: the server, the project, the user, how many calls, how many processes. Each process prints "ready", then what
each of its calls cost. They are forked after the import, which takes longer than all else, and before they share anything.
"""

import multiprocessing
import os
import sys
import threading

from litellm import BudgetManager, completion_cost
from litellm.types.utils import ModelResponse


def answer(number: int) -> ModelResponse:
    """Of different models and lengths, so that no two calls look alike to whoever merges them."""
    tokens = {"prompt_tokens": 100 + number, "completion_tokens": 10 + number}
    return ModelResponse(
        model=["gpt-4o", "gpt-4o-mini"][number % 2],
        choices=[{"message": {"role": "assistant", "content": "Hello."}}],
        usage={**tokens, "total_tokens": sum(tokens.values())},
    )


def say(line: str) -> None:
    """In one piece: the processes share their output."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def spend(begin, api_base: str, project: str, user: str, calls: int) -> None:
    manager = BudgetManager(project_name=project, client_type="hosted", api_base=api_base)
    say("ready")
    begin.wait()
    for number in range(calls):
        response = answer(number)
        manager.update_cost(user=user, completion_obj=response)
        say(repr(completion_cost(completion_response=response)))
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    # A thread whose connection broke does not try again. Whatever it would have saved is in any later post.
    manager.save_data()


if __name__ == "__main__":
    api_base, project, user, calls, processes = sys.argv[1:]
    fork = multiprocessing.get_context("fork")
    begin = fork.Event()
    arguments = (begin, api_base, project, user, int(calls))
    children = [fork.Process(target=spend, args=arguments) for _ in range(int(processes))]
    for child in children:
        child.start()
    sys.stdin.readline()
    begin.set()
    for child in children:
        child.join()
    sys.exit(max(child.exitcode for child in children))
