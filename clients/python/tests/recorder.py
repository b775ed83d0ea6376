"""A gRPC server with an empty answer to every call. It records the calls, and refuses them when it is told to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

CODES = {
    "KEY_MISSING": grpc.StatusCode.UNAUTHENTICATED,
    "KEY_INVALID": grpc.StatusCode.UNAUTHENTICATED,
    "KEY_NOT_ALLOWED": grpc.StatusCode.PERMISSION_DENIED,
    "RATE_EXCEEDED": grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class Recorder(grpc.GenericRpcHandler):
    """With `credentials`, it serves TLS."""

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        #: The methods of the calls, and their header `authorization`, in the order of their arrival.
        self.called: list[str] = []
        self.authorizations: list[str | None] = []
        self._refusals: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
        self._server = grpc.server(ThreadPoolExecutor(8), handlers=(self,))
        if credentials is None:
            self.address = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        else:
            self.address = f"https://localhost:{self._server.add_secure_port('127.0.0.1:0', credentials)}"
        self._server.start()

    def refuse(self, method: str, reason: str, *, times: int = 1, retry_after_s: float | None = None) -> None:
        """The next calls of the method are refused."""
        self._refusals[method] += [(reason, retry_after_s)] * times

    def close(self) -> None:
        self._server.stop(None).wait()

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        name: str = handler_call_details.method.rpartition("/")[2]
        self.called.append(name)
        self.authorizations.append(dict(handler_call_details.invocation_metadata).get("authorization"))

        def unary(_: bytes, context: grpc.ServicerContext) -> bytes:
            if self._refusals[name]:
                _refuse(context, *self._refusals[name].pop(0))
            return b""

        def stream(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            yield unary(_, context)

        if name.startswith("Watch"):
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


def _refuse(context: grpc.ServicerContext, reason: str, retry_after_s: float | None) -> None:
    details: list[Any] = [error_details_pb2.ErrorInfo(domain="budget.v1", reason=reason)]
    if retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMicroseconds(round(retry_after_s * 1_000_000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=CODES[reason].value[0], message=f"the reason is {reason}")
    for each in details:
        packed = any_pb2.Any()
        packed.Pack(each)
        status.details.append(packed)
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
    context.abort(CODES[reason], status.message)
