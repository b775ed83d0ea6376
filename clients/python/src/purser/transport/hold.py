"""Holds the maximum cost of a call before it is sent."""

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
    """The budget that pays."""

    client: Client
    project: str
    user: str


@dataclass(frozen=True)
class Hold:
    """A hold for one call."""

    #: The id of the reservation. If Purser did not answer, the reservation may or may not exist.
    reservation_id: str
    #: Purser's answer. None if it did not answer and the call is allowed in that case.
    reserved: pb.ReserveCostResponse | None


def open_hold(account: Account, call: Call, options: Options) -> Hold:
    """Holds the maximum cost of a call.

    Raises BudgetExceededError; PurserUnavailableError, unless calls are allowed while Purser is unavailable; and
    PurserError for any other refusal.
    """
    bound, answers = call.worst_case.max_output_tokens, call.worst_case.answers
    if bound is not None:
        return _reserve(account, call, options, bound * answers)
    hold = _reserve(account, call, options, None)
    if answers <= 1 or hold.reserved is None:
        return hold
    # Only the server knows the maximum length of one answer, and the first hold returned it.
    release(account, hold.reservation_id)
    return _reserve(account, call, options, hold.reserved.estimate.max_output_tokens * answers)


def release(account: Account, reservation_id: str) -> None:
    """Releases a hold if nothing was spent. It is tried once: otherwise the hold expires. Raises nothing."""
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
        # With on_unavailable "allow", the call does not wait for Purser. A call above a limit of the key is not allowed in
        # that case, because callers could then avoid the budget with many calls.
        reserved = account.client.with_options(repeats="limited" if allows else True).reserve_cost(request)
    except PurserUnavailableError:
        if allows:
            return Hold(request.request_id, None)
        # The reservation may exist even so.
        release(account, request.request_id)
        raise
    return Hold(request.request_id, reserved)
