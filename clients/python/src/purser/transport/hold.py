"""Holding the worst case of a call before it is made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from ..client import Client
from ..completions import struct_of
from ..errors import PurserError, PurserUnavailableError
from ..v1 import budget_service_pb2 as pb
from ..v1 import reservation_pb2
from .api import Prompt
from .options import Options
from .request import Call


@dataclass(frozen=True)
class Account:
    """Whose budget pays."""

    client: Client
    project: str
    user: str


@dataclass(frozen=True)
class Hold:
    """What is held for a call."""

    #: The reservation. Where Purser did not answer, nobody knows whether there is one.
    reservation_id: str
    #: What Purser said; None where it did not answer, and the call is allowed all the same.
    reserved: pb.ReserveCostResponse | None


def open_hold(account: Account, call: Call, options: Options) -> Hold:
    """Holds the worst case of a call.

    Raises BudgetExceededError; PurserUnavailableError, unless calls are allowed then; and PurserError for any other
    refusal.
    """
    bound, answers = call.worst_case.max_output_tokens, call.worst_case.answers
    if bound is not None:
        return _reserve(account, call, options, bound * answers)
    hold = _reserve(account, call, options, None)
    if answers <= 1 or hold.reserved is None:
        return hold
    # Only the server knows how long one answer can get, and it has said so now.
    release(account, hold.reservation_id)
    return _reserve(account, call, options, hold.reserved.estimate.max_output_tokens * answers)


def release(account: Account, reservation_id: str) -> None:
    """Gives a hold back, as nothing was spent. Tried once: what is not given back runs out by itself. Raises nothing."""
    request = pb.ReleaseReservationRequest(project=account.project, reservation_id=reservation_id)
    try:
        account.client.with_options(repeats=False).release_reservation(request)
    except PurserError:
        return


def estimate_of(prompt: Prompt) -> pb.CallEstimate:
    messages = [struct_of(f"messages[{index}]", message) for index, message in enumerate(prompt.messages)]
    return pb.CallEstimate(messages=messages, text="" if messages else prompt.text or " ")


def _reserve(account: Account, call: Call, options: Options, max_output_tokens: int | None) -> Hold:
    request = pb.ReserveCostRequest(
        project=account.project,
        user=account.user,
        request_id=str(uuid.uuid4()),
        model=call.model,
        estimate=estimate_of(call.worst_case.prompt),
        on_expiry=(
            reservation_pb2.ON_EXPIRY_CHARGE
            if options.on_expiry == "charge"
            else reservation_pb2.ON_EXPIRY_RELEASE
        ),
    )
    ttl = Duration()
    ttl.FromTimedelta(options.hold)
    request.ttl.CopyFrom(ttl)
    if max_output_tokens is not None:
        request.estimate.max_output_tokens = max_output_tokens
    allows = options.on_unavailable == "allow"
    try:
        # A call that is allowed while Purser is away does not wait for it.
        reserved = account.client.with_options(repeats=not allows).reserve_cost(request)
    except PurserUnavailableError:
        if allows:
            return Hold(request.request_id, None)
        # It may have been made all the same.
        release(account, request.request_id)
        raise
    return Hold(request.request_id, reserved)
