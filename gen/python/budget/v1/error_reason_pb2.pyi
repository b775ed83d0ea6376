from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_FIELD: _ClassVar[ErrorReason]
    ERROR_REASON_BUDGET_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_RESERVATION_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_PARENT_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_BUDGET_EXISTS: _ClassVar[ErrorReason]
    ERROR_REASON_REQUEST_ID_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_BUDGET_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_MODEL_LIMIT_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_UNPRICED_MODEL: _ClassVar[ErrorReason]
    ERROR_REASON_RESERVATION_CLOSED: _ClassVar[ErrorReason]
    ERROR_REASON_BUDGET_IN_USE: _ClassVar[ErrorReason]
    ERROR_REASON_PARENT_CYCLE: _ClassVar[ErrorReason]
    ERROR_REASON_AMOUNT_OVERFLOW: _ClassVar[ErrorReason]
    ERROR_REASON_KEY_MISSING: _ClassVar[ErrorReason]
    ERROR_REASON_KEY_INVALID: _ClassVar[ErrorReason]
    ERROR_REASON_KEY_NOT_ALLOWED: _ClassVar[ErrorReason]
    ERROR_REASON_OVERLOADED: _ClassVar[ErrorReason]
    ERROR_REASON_STORE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_CANCELLED: _ClassVar[ErrorReason]
    ERROR_REASON_DEADLINE_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_PRICE_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_PRICES_FULL: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_FIELD: ErrorReason
ERROR_REASON_BUDGET_NOT_FOUND: ErrorReason
ERROR_REASON_RESERVATION_NOT_FOUND: ErrorReason
ERROR_REASON_PARENT_NOT_FOUND: ErrorReason
ERROR_REASON_BUDGET_EXISTS: ErrorReason
ERROR_REASON_REQUEST_ID_REUSED: ErrorReason
ERROR_REASON_BUDGET_EXCEEDED: ErrorReason
ERROR_REASON_MODEL_LIMIT_EXCEEDED: ErrorReason
ERROR_REASON_UNPRICED_MODEL: ErrorReason
ERROR_REASON_RESERVATION_CLOSED: ErrorReason
ERROR_REASON_BUDGET_IN_USE: ErrorReason
ERROR_REASON_PARENT_CYCLE: ErrorReason
ERROR_REASON_AMOUNT_OVERFLOW: ErrorReason
ERROR_REASON_KEY_MISSING: ErrorReason
ERROR_REASON_KEY_INVALID: ErrorReason
ERROR_REASON_KEY_NOT_ALLOWED: ErrorReason
ERROR_REASON_OVERLOADED: ErrorReason
ERROR_REASON_STORE_UNAVAILABLE: ErrorReason
ERROR_REASON_CANCELLED: ErrorReason
ERROR_REASON_DEADLINE_EXCEEDED: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_PRICE_NOT_FOUND: ErrorReason
ERROR_REASON_PRICES_FULL: ErrorReason
