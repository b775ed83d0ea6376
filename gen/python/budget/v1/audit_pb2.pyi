from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_ACTION_UNSPECIFIED: _ClassVar[AuditAction]
    AUDIT_ACTION_CREATE_BUDGET: _ClassVar[AuditAction]
    AUDIT_ACTION_UPDATE_BUDGET: _ClassVar[AuditAction]
    AUDIT_ACTION_DELETE_BUDGET: _ClassVar[AuditAction]
    AUDIT_ACTION_RESET_COST: _ClassVar[AuditAction]
    AUDIT_ACTION_SET_MODEL_PRICE: _ClassVar[AuditAction]
    AUDIT_ACTION_DELETE_MODEL_PRICE: _ClassVar[AuditAction]
    AUDIT_ACTION_CREATE_KEY: _ClassVar[AuditAction]
    AUDIT_ACTION_REVOKE_KEY: _ClassVar[AuditAction]
    AUDIT_ACTION_REFUND_COST: _ClassVar[AuditAction]
AUDIT_ACTION_UNSPECIFIED: AuditAction
AUDIT_ACTION_CREATE_BUDGET: AuditAction
AUDIT_ACTION_UPDATE_BUDGET: AuditAction
AUDIT_ACTION_DELETE_BUDGET: AuditAction
AUDIT_ACTION_RESET_COST: AuditAction
AUDIT_ACTION_SET_MODEL_PRICE: AuditAction
AUDIT_ACTION_DELETE_MODEL_PRICE: AuditAction
AUDIT_ACTION_CREATE_KEY: AuditAction
AUDIT_ACTION_REVOKE_KEY: AuditAction
AUDIT_ACTION_REFUND_COST: AuditAction

class AuditEntry(_message.Message):
    __slots__ = ("audit_id", "project", "create_time", "actor", "action", "subject", "before", "after")
    AUDIT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    audit_id: str
    project: str
    create_time: _timestamp_pb2.Timestamp
    actor: str
    action: AuditAction
    subject: str
    before: _struct_pb2.Struct
    after: _struct_pb2.Struct
    def __init__(self, audit_id: _Optional[str] = ..., project: _Optional[str] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., action: _Optional[_Union[AuditAction, str]] = ..., subject: _Optional[str] = ..., before: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., after: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...
