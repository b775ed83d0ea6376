"""The calls of KeyService."""

from __future__ import annotations

from .connection import Connection
from .v1 import key_service_pb2 as pb
from .v1.key_service_pb2_grpc import KeyServiceStub


class KeyClient(Connection):
    """A client for the keys and the audit log of a Purser server. Its key must have ROLE_ADMIN or ROLE_OPERATOR.

    The arguments are those of Client. create_key is not retried: if its answer is lost, revoke the key and create another.
    """

    _stub_type = KeyServiceStub

    def create_key(self, request: pb.CreateKeyRequest) -> pb.CreateKeyResponse:
        return self._once(self.stub.CreateKey, request)

    def list_keys(self, request: pb.ListKeysRequest) -> pb.ListKeysResponse:
        return self._repeated(self.stub.ListKeys, request)

    def revoke_key(self, request: pb.RevokeKeyRequest) -> pb.RevokeKeyResponse:
        return self._repeated(self.stub.RevokeKey, request)

    def list_audit_entries(self, request: pb.ListAuditEntriesRequest) -> pb.ListAuditEntriesResponse:
        return self._repeated(self.stub.ListAuditEntries, request)
