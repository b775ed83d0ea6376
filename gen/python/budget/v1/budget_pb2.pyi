from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BudgetView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BUDGET_VIEW_UNSPECIFIED: _ClassVar[BudgetView]
    BUDGET_VIEW_BASIC: _ClassVar[BudgetView]
    BUDGET_VIEW_FULL: _ClassVar[BudgetView]

class PeriodUnit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERIOD_UNIT_UNSPECIFIED: _ClassVar[PeriodUnit]
    PERIOD_UNIT_DAY: _ClassVar[PeriodUnit]
    PERIOD_UNIT_WEEK: _ClassVar[PeriodUnit]
    PERIOD_UNIT_MONTH: _ClassVar[PeriodUnit]
    PERIOD_UNIT_YEAR: _ClassVar[PeriodUnit]

class Duration(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DURATION_UNSPECIFIED: _ClassVar[Duration]
    DURATION_DAILY: _ClassVar[Duration]
    DURATION_WEEKLY: _ClassVar[Duration]
    DURATION_MONTHLY: _ClassVar[Duration]
    DURATION_YEARLY: _ClassVar[Duration]
BUDGET_VIEW_UNSPECIFIED: BudgetView
BUDGET_VIEW_BASIC: BudgetView
BUDGET_VIEW_FULL: BudgetView
PERIOD_UNIT_UNSPECIFIED: PeriodUnit
PERIOD_UNIT_DAY: PeriodUnit
PERIOD_UNIT_WEEK: PeriodUnit
PERIOD_UNIT_MONTH: PeriodUnit
PERIOD_UNIT_YEAR: PeriodUnit
DURATION_UNSPECIFIED: Duration
DURATION_DAILY: Duration
DURATION_WEEKLY: Duration
DURATION_MONTHLY: Duration
DURATION_YEARLY: Duration

class Budget(_message.Message):
    __slots__ = ("project", "user", "total_budget_nano_usd", "period", "parent", "model_limits", "spent_nano_usd", "held_nano_usd", "remaining_nano_usd", "period_start", "period_end", "create_time", "update_time", "version")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BUDGET_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_LIMITS_FIELD_NUMBER: _ClassVar[int]
    SPENT_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    REMAINING_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    total_budget_nano_usd: int
    period: Period
    parent: str
    model_limits: _containers.RepeatedCompositeFieldContainer[ModelLimit]
    spent_nano_usd: int
    held_nano_usd: int
    remaining_nano_usd: int
    period_start: _timestamp_pb2.Timestamp
    period_end: _timestamp_pb2.Timestamp
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., total_budget_nano_usd: _Optional[int] = ..., period: _Optional[_Union[Period, _Mapping]] = ..., parent: _Optional[str] = ..., model_limits: _Optional[_Iterable[_Union[ModelLimit, _Mapping]]] = ..., spent_nano_usd: _Optional[int] = ..., held_nano_usd: _Optional[int] = ..., remaining_nano_usd: _Optional[int] = ..., period_start: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., period_end: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class BudgetLevel(_message.Message):
    __slots__ = ("user", "total_budget_nano_usd", "spent_nano_usd", "held_nano_usd", "remaining_nano_usd", "open_reservations", "period_end", "next_expire_time")
    USER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BUDGET_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    SPENT_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    REMAINING_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    OPEN_RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_FIELD_NUMBER: _ClassVar[int]
    NEXT_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    user: str
    total_budget_nano_usd: int
    spent_nano_usd: int
    held_nano_usd: int
    remaining_nano_usd: int
    open_reservations: int
    period_end: _timestamp_pb2.Timestamp
    next_expire_time: _timestamp_pb2.Timestamp
    def __init__(self, user: _Optional[str] = ..., total_budget_nano_usd: _Optional[int] = ..., spent_nano_usd: _Optional[int] = ..., held_nano_usd: _Optional[int] = ..., remaining_nano_usd: _Optional[int] = ..., open_reservations: _Optional[int] = ..., period_end: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., next_expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Period(_message.Message):
    __slots__ = ("unit", "count", "anchor", "time_zone")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    unit: PeriodUnit
    count: int
    anchor: _timestamp_pb2.Timestamp
    time_zone: str
    def __init__(self, unit: _Optional[_Union[PeriodUnit, str]] = ..., count: _Optional[int] = ..., anchor: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., time_zone: _Optional[str] = ...) -> None: ...

class ModelLimit(_message.Message):
    __slots__ = ("model", "limit_nano_usd", "spent_nano_usd", "held_nano_usd")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    SPENT_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    model: str
    limit_nano_usd: int
    spent_nano_usd: int
    held_nano_usd: int
    def __init__(self, model: _Optional[str] = ..., limit_nano_usd: _Optional[int] = ..., spent_nano_usd: _Optional[int] = ..., held_nano_usd: _Optional[int] = ...) -> None: ...

class ClosedPeriod(_message.Message):
    __slots__ = ("period_start", "period_end", "spent_nano_usd", "total_budget_nano_usd", "model_costs")
    class ModelCostsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_FIELD_NUMBER: _ClassVar[int]
    SPENT_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BUDGET_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    MODEL_COSTS_FIELD_NUMBER: _ClassVar[int]
    period_start: _timestamp_pb2.Timestamp
    period_end: _timestamp_pb2.Timestamp
    spent_nano_usd: int
    total_budget_nano_usd: int
    model_costs: _containers.ScalarMap[str, int]
    def __init__(self, period_start: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., period_end: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., spent_nano_usd: _Optional[int] = ..., total_budget_nano_usd: _Optional[int] = ..., model_costs: _Optional[_Mapping[str, int]] = ...) -> None: ...
