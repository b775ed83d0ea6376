from . import budget_pb2 as _budget_pb2
from . import cost_pb2 as _cost_pb2
from . import price_pb2 as _price_pb2
from . import reservation_pb2 as _reservation_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateBudgetRequest(_message.Message):
    __slots__ = ("project", "user", "total_budget_nano_usd", "period", "duration", "parent", "model_limits")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BUDGET_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_LIMITS_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    total_budget_nano_usd: int
    period: _budget_pb2.Period
    duration: _budget_pb2.Duration
    parent: str
    model_limits: _containers.RepeatedCompositeFieldContainer[_budget_pb2.ModelLimit]
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., total_budget_nano_usd: _Optional[int] = ..., period: _Optional[_Union[_budget_pb2.Period, _Mapping]] = ..., duration: _Optional[_Union[_budget_pb2.Duration, str]] = ..., parent: _Optional[str] = ..., model_limits: _Optional[_Iterable[_Union[_budget_pb2.ModelLimit, _Mapping]]] = ...) -> None: ...

class CreateBudgetResponse(_message.Message):
    __slots__ = ("budget",)
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    budget: _budget_pb2.Budget
    def __init__(self, budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ...) -> None: ...

class GetBudgetRequest(_message.Message):
    __slots__ = ("project", "user", "view")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    view: _budget_pb2.BudgetView
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., view: _Optional[_Union[_budget_pb2.BudgetView, str]] = ...) -> None: ...

class GetBudgetResponse(_message.Message):
    __slots__ = ("budget", "levels", "next_free_time")
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FREE_TIME_FIELD_NUMBER: _ClassVar[int]
    budget: _budget_pb2.Budget
    levels: _containers.RepeatedCompositeFieldContainer[_budget_pb2.BudgetLevel]
    next_free_time: _timestamp_pb2.Timestamp
    def __init__(self, budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ..., levels: _Optional[_Iterable[_Union[_budget_pb2.BudgetLevel, _Mapping]]] = ..., next_free_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class UpdateBudgetRequest(_message.Message):
    __slots__ = ("project", "user", "update_mask", "total_budget_nano_usd", "period", "parent", "model_limits")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BUDGET_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_LIMITS_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    update_mask: _field_mask_pb2.FieldMask
    total_budget_nano_usd: int
    period: _budget_pb2.Period
    parent: str
    model_limits: _containers.RepeatedCompositeFieldContainer[_budget_pb2.ModelLimit]
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., total_budget_nano_usd: _Optional[int] = ..., period: _Optional[_Union[_budget_pb2.Period, _Mapping]] = ..., parent: _Optional[str] = ..., model_limits: _Optional[_Iterable[_Union[_budget_pb2.ModelLimit, _Mapping]]] = ...) -> None: ...

class UpdateBudgetResponse(_message.Message):
    __slots__ = ("budget",)
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    budget: _budget_pb2.Budget
    def __init__(self, budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ...) -> None: ...

class DeleteBudgetRequest(_message.Message):
    __slots__ = ("project", "user")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class DeleteBudgetResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ProjectedCostRequest(_message.Message):
    __slots__ = ("project", "user", "model", "messages", "text", "tools", "max_output_tokens")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    model: str
    messages: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    text: str
    tools: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    max_output_tokens: int
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., model: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ..., text: _Optional[str] = ..., tools: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ..., max_output_tokens: _Optional[int] = ...) -> None: ...

class ProjectedCostResponse(_message.Message):
    __slots__ = ("prompt_tokens", "prompt_cost_nano_usd", "current_cost_nano_usd", "projected_cost_nano_usd", "worst_case_cost_nano_usd", "remaining_nano_usd", "within_budget", "max_affordable_output_tokens", "price")
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    CURRENT_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    PROJECTED_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    WORST_CASE_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    REMAINING_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    WITHIN_BUDGET_FIELD_NUMBER: _ClassVar[int]
    MAX_AFFORDABLE_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    prompt_tokens: int
    prompt_cost_nano_usd: int
    current_cost_nano_usd: int
    projected_cost_nano_usd: int
    worst_case_cost_nano_usd: int
    remaining_nano_usd: int
    within_budget: bool
    max_affordable_output_tokens: int
    price: _cost_pb2.Price
    def __init__(self, prompt_tokens: _Optional[int] = ..., prompt_cost_nano_usd: _Optional[int] = ..., current_cost_nano_usd: _Optional[int] = ..., projected_cost_nano_usd: _Optional[int] = ..., worst_case_cost_nano_usd: _Optional[int] = ..., remaining_nano_usd: _Optional[int] = ..., within_budget: bool = ..., max_affordable_output_tokens: _Optional[int] = ..., price: _Optional[_Union[_cost_pb2.Price, _Mapping]] = ...) -> None: ...

class ReserveCostRequest(_message.Message):
    __slots__ = ("project", "user", "request_id", "model", "cost_nano_usd", "estimate", "ttl", "on_expiry")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    ON_EXPIRY_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    request_id: str
    model: str
    cost_nano_usd: int
    estimate: CallEstimate
    ttl: _duration_pb2.Duration
    on_expiry: _reservation_pb2.OnExpiry
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., request_id: _Optional[str] = ..., model: _Optional[str] = ..., cost_nano_usd: _Optional[int] = ..., estimate: _Optional[_Union[CallEstimate, _Mapping]] = ..., ttl: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., on_expiry: _Optional[_Union[_reservation_pb2.OnExpiry, str]] = ...) -> None: ...

class CallEstimate(_message.Message):
    __slots__ = ("messages", "text", "tools", "max_output_tokens")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    text: str
    tools: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    max_output_tokens: int
    def __init__(self, messages: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ..., text: _Optional[str] = ..., tools: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ..., max_output_tokens: _Optional[int] = ...) -> None: ...

class ReserveCostResponse(_message.Message):
    __slots__ = ("reservation", "replayed", "estimate", "budget")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    replayed: bool
    estimate: Estimate
    budget: _budget_pb2.Budget
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., replayed: bool = ..., estimate: _Optional[_Union[Estimate, _Mapping]] = ..., budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ...) -> None: ...

class Estimate(_message.Message):
    __slots__ = ("prompt_tokens", "max_output_tokens", "max_output_assumed", "price")
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_ASSUMED_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    prompt_tokens: int
    max_output_tokens: int
    max_output_assumed: bool
    price: _cost_pb2.Price
    def __init__(self, prompt_tokens: _Optional[int] = ..., max_output_tokens: _Optional[int] = ..., max_output_assumed: bool = ..., price: _Optional[_Union[_cost_pb2.Price, _Mapping]] = ...) -> None: ...

class UpdateCostRequest(_message.Message):
    __slots__ = ("project", "user", "request_id", "reservation_id", "completion", "text", "usage", "cost", "completion_model", "use_reported_cost")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_MODEL_FIELD_NUMBER: _ClassVar[int]
    USE_REPORTED_COST_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    request_id: str
    reservation_id: str
    completion: _struct_pb2.Struct
    text: _cost_pb2.TextUsage
    usage: _cost_pb2.Usage
    cost: _cost_pb2.KnownCost
    completion_model: str
    use_reported_cost: bool
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., request_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., completion: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., text: _Optional[_Union[_cost_pb2.TextUsage, _Mapping]] = ..., usage: _Optional[_Union[_cost_pb2.Usage, _Mapping]] = ..., cost: _Optional[_Union[_cost_pb2.KnownCost, _Mapping]] = ..., completion_model: _Optional[str] = ..., use_reported_cost: bool = ...) -> None: ...

class UpdateCostResponse(_message.Message):
    __slots__ = ("cost_nano_usd", "budget", "over_budget", "replayed", "request_id", "price")
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    OVER_BUDGET_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    cost_nano_usd: int
    budget: _budget_pb2.Budget
    over_budget: bool
    replayed: bool
    request_id: str
    price: _cost_pb2.Price
    def __init__(self, cost_nano_usd: _Optional[int] = ..., budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ..., over_budget: bool = ..., replayed: bool = ..., request_id: _Optional[str] = ..., price: _Optional[_Union[_cost_pb2.Price, _Mapping]] = ...) -> None: ...

class BatchUpdateCostRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[UpdateCostRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[UpdateCostRequest, _Mapping]]] = ...) -> None: ...

class BatchUpdateCostResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchUpdateCostResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchUpdateCostResult, _Mapping]]] = ...) -> None: ...

class BatchUpdateCostResult(_message.Message):
    __slots__ = ("response", "status")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    response: UpdateCostResponse
    status: _status_pb2.Status
    def __init__(self, response: _Optional[_Union[UpdateCostResponse, _Mapping]] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class RefundCostRequest(_message.Message):
    __slots__ = ("project", "request_id", "charge_request_id", "amount_nano_usd")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CHARGE_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    project: str
    request_id: str
    charge_request_id: str
    amount_nano_usd: int
    def __init__(self, project: _Optional[str] = ..., request_id: _Optional[str] = ..., charge_request_id: _Optional[str] = ..., amount_nano_usd: _Optional[int] = ...) -> None: ...

class RefundCostResponse(_message.Message):
    __slots__ = ("refunded_nano_usd", "budget", "replayed", "request_id")
    REFUNDED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    refunded_nano_usd: int
    budget: _budget_pb2.Budget
    replayed: bool
    request_id: str
    def __init__(self, refunded_nano_usd: _Optional[int] = ..., budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ..., replayed: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class ReleaseReservationRequest(_message.Message):
    __slots__ = ("project", "reservation_id")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    project: str
    reservation_id: str
    def __init__(self, project: _Optional[str] = ..., reservation_id: _Optional[str] = ...) -> None: ...

class ReleaseReservationResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ExtendReservationRequest(_message.Message):
    __slots__ = ("project", "reservation_id", "ttl")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    project: str
    reservation_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, project: _Optional[str] = ..., reservation_id: _Optional[str] = ..., ttl: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExtendReservationResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class GetCurrentCostRequest(_message.Message):
    __slots__ = ("project", "user")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class GetCurrentCostResponse(_message.Message):
    __slots__ = ("current_cost_nano_usd", "total_budget_nano_usd", "remaining_nano_usd", "held_nano_usd", "model_costs", "period_start", "period_end")
    class ModelCostsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    CURRENT_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BUDGET_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    REMAINING_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    MODEL_COSTS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_FIELD_NUMBER: _ClassVar[int]
    current_cost_nano_usd: int
    total_budget_nano_usd: int
    remaining_nano_usd: int
    held_nano_usd: int
    model_costs: _containers.ScalarMap[str, int]
    period_start: _timestamp_pb2.Timestamp
    period_end: _timestamp_pb2.Timestamp
    def __init__(self, current_cost_nano_usd: _Optional[int] = ..., total_budget_nano_usd: _Optional[int] = ..., remaining_nano_usd: _Optional[int] = ..., held_nano_usd: _Optional[int] = ..., model_costs: _Optional[_Mapping[str, int]] = ..., period_start: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., period_end: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ResetCostRequest(_message.Message):
    __slots__ = ("project", "user", "request_id")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    request_id: str
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ResetCostResponse(_message.Message):
    __slots__ = ("budget", "replayed", "request_id")
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    budget: _budget_pb2.Budget
    replayed: bool
    request_id: str
    def __init__(self, budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ..., replayed: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class ListUsersRequest(_message.Message):
    __slots__ = ("project", "page_size", "page_token", "user_prefix")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    USER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    project: str
    page_size: int
    page_token: str
    user_prefix: str
    def __init__(self, project: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., user_prefix: _Optional[str] = ...) -> None: ...

class ListUsersResponse(_message.Message):
    __slots__ = ("budgets", "next_page_token")
    BUDGETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    budgets: _containers.RepeatedCompositeFieldContainer[_budget_pb2.Budget]
    next_page_token: str
    def __init__(self, budgets: _Optional[_Iterable[_Union[_budget_pb2.Budget, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SweepDurationsRequest(_message.Message):
    __slots__ = ("project", "user")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class SweepDurationsResponse(_message.Message):
    __slots__ = ("budgets_reset", "reservations_expired")
    BUDGETS_RESET_FIELD_NUMBER: _ClassVar[int]
    RESERVATIONS_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    budgets_reset: int
    reservations_expired: int
    def __init__(self, budgets_reset: _Optional[int] = ..., reservations_expired: _Optional[int] = ...) -> None: ...

class ListCostEntriesRequest(_message.Message):
    __slots__ = ("project", "user", "start_time", "end_time", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCostEntriesResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[_cost_pb2.CostEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[_cost_pb2.CostEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListPeriodsRequest(_message.Message):
    __slots__ = ("project", "user", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPeriodsResponse(_message.Message):
    __slots__ = ("periods", "next_page_token")
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    periods: _containers.RepeatedCompositeFieldContainer[_budget_pb2.ClosedPeriod]
    next_page_token: str
    def __init__(self, periods: _Optional[_Iterable[_Union[_budget_pb2.ClosedPeriod, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SetModelPriceRequest(_message.Message):
    __slots__ = ("project", "price")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    project: str
    price: _price_pb2.ModelPrice
    def __init__(self, project: _Optional[str] = ..., price: _Optional[_Union[_price_pb2.ModelPrice, _Mapping]] = ...) -> None: ...

class SetModelPriceResponse(_message.Message):
    __slots__ = ("price",)
    PRICE_FIELD_NUMBER: _ClassVar[int]
    price: _price_pb2.ModelPrice
    def __init__(self, price: _Optional[_Union[_price_pb2.ModelPrice, _Mapping]] = ...) -> None: ...

class ListModelPricesRequest(_message.Message):
    __slots__ = ("project", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListModelPricesResponse(_message.Message):
    __slots__ = ("prices", "next_page_token")
    PRICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    prices: _containers.RepeatedCompositeFieldContainer[_price_pb2.ModelPrice]
    next_page_token: str
    def __init__(self, prices: _Optional[_Iterable[_Union[_price_pb2.ModelPrice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteModelPriceRequest(_message.Message):
    __slots__ = ("project", "model")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    project: str
    model: str
    def __init__(self, project: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class DeleteModelPriceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListReservationsRequest(_message.Message):
    __slots__ = ("project", "user", "state", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    state: _reservation_pb2.ReservationState
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., state: _Optional[_Union[_reservation_pb2.ReservationState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReservationsResponse(_message.Message):
    __slots__ = ("reservations", "next_page_token")
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.Reservation]
    next_page_token: str
    def __init__(self, reservations: _Optional[_Iterable[_Union[_reservation_pb2.Reservation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchBudgetRequest(_message.Message):
    __slots__ = ("project", "user", "last_version")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    LAST_VERSION_FIELD_NUMBER: _ClassVar[int]
    project: str
    user: str
    last_version: int
    def __init__(self, project: _Optional[str] = ..., user: _Optional[str] = ..., last_version: _Optional[int] = ...) -> None: ...

class WatchBudgetResponse(_message.Message):
    __slots__ = ("budget",)
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    budget: _budget_pb2.Budget
    def __init__(self, budget: _Optional[_Union[_budget_pb2.Budget, _Mapping]] = ...) -> None: ...
