"""Charges a call with the known usage of its answer."""

from __future__ import annotations

from dataclasses import dataclass

from ..completions import struct_of
from ..errors import InvalidFieldError, PurserError
from ..v1 import budget_service_pb2 as pb
from ..v1 import cost_pb2
from .api import Known, Prompt
from .hold import Account, Hold, estimate_of
from .jsons import Json


@dataclass(frozen=True)
class Made:
    """A call that was sent and must be charged."""

    account: Account
    hold: Hold
    #: The model name in the request. The hold used it too, so it has a price.
    model: str
    #: The prompt, to be counted if Purser has not counted it.
    prompt: Prompt
    use_reported_cost: bool


def charge_known(made: Made, known: Known) -> None:
    """Charges the known usage and settles the hold. Retries are safe, because they have the same request id.

    Raises PurserError.
    """
    if known.completion is not None and _charge_completion(made, known.completion):
        return
    output_tokens = _count(made, Prompt(text=known.output)) if known.output else 0
    if known.with_output_tokens is not None:
        whole = known.with_output_tokens(output_tokens)
        _charge(made, pb.UpdateCostRequest(completion=struct_of("completion", whole)))
        return
    reserved = made.hold.reserved
    input_tokens = _count(made, made.prompt) if reserved is None else reserved.estimate.prompt_tokens
    usage = cost_pb2.Usage(model=made.model, input_tokens=input_tokens, output_tokens=output_tokens)
    _charge(made, pb.UpdateCostRequest(usage=usage))


def charge_held(made: Made) -> None:
    """Charges the whole hold. Used if the answer cannot be read, or if later requests fetch it."""
    reserved = made.hold.reserved
    if reserved is None:
        charge_known(made, Known())
        return
    cost = cost_pb2.KnownCost(model=made.model, cost_nano_usd=reserved.reservation.held_nano_usd)
    _charge(made, pb.UpdateCostRequest(cost=cost))


def _charge_completion(made: Made, completion: Json) -> bool:
    """Returns False if Purser could not read the usage."""
    try:
        _charge(made, pb.UpdateCostRequest(completion=struct_of("completion", completion)))
    except InvalidFieldError:
        return False
    return True


def _charge(made: Made, request: pb.UpdateCostRequest) -> None:
    account, hold = made.account, made.hold
    request.project, request.user = account.project, account.user
    request.request_id, request.reservation_id = f"{hold.reservation_id}-cost", hold.reservation_id
    if request.HasField("completion"):
        request.completion_model = made.model
        request.use_reported_cost = made.use_reported_cost
    client = account.client.with_options(repeats=False)
    try:
        client.update_cost(request)
    except PurserError as error:
        # Purser did not answer the hold, so the reservation may not exist. If it does not, charge without it.
        if hold.reserved is not None or error.reason != "RESERVATION_NOT_FOUND":
            raise
        request.reservation_id = ""
        client.update_cost(request)


def _count(made: Made, prompt: Prompt) -> int:
    estimate, account = estimate_of(prompt), made.account
    request = pb.ProjectedCostRequest(
        project=account.project,
        user=account.user,
        model=made.model,
        messages=estimate.messages,
        text=estimate.text,
    )
    return account.client.with_options(repeats=False).projected_cost(request).prompt_tokens
