from . import cost_pb2 as _cost_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelPrice(_message.Message):
    __slots__ = ("model", "rates", "update_time")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RATES_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    model: str
    rates: _containers.RepeatedCompositeFieldContainer[ModelRate]
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, model: _Optional[str] = ..., rates: _Optional[_Iterable[_Union[ModelRate, _Mapping]]] = ..., update_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ModelRate(_message.Message):
    __slots__ = ("dimension", "usd", "per", "service_tier", "above_input_tokens")
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    USD_FIELD_NUMBER: _ClassVar[int]
    PER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIER_FIELD_NUMBER: _ClassVar[int]
    ABOVE_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    dimension: str
    usd: str
    per: int
    service_tier: _cost_pb2.ServiceTier
    above_input_tokens: int
    def __init__(self, dimension: _Optional[str] = ..., usd: _Optional[str] = ..., per: _Optional[int] = ..., service_tier: _Optional[_Union[_cost_pb2.ServiceTier, str]] = ..., above_input_tokens: _Optional[int] = ...) -> None: ...
