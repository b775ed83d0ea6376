from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ServiceTier(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SERVICE_TIER_UNSPECIFIED: _ClassVar[ServiceTier]
    SERVICE_TIER_STANDARD: _ClassVar[ServiceTier]
    SERVICE_TIER_FLEX: _ClassVar[ServiceTier]
    SERVICE_TIER_PRIORITY: _ClassVar[ServiceTier]
    SERVICE_TIER_BATCH: _ClassVar[ServiceTier]

class EntryKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_KIND_UNSPECIFIED: _ClassVar[EntryKind]
    ENTRY_KIND_CHARGE: _ClassVar[EntryKind]
    ENTRY_KIND_RESET: _ClassVar[EntryKind]
    ENTRY_KIND_CORRECTION: _ClassVar[EntryKind]

class EntrySource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_SOURCE_UNSPECIFIED: _ClassVar[EntrySource]
    ENTRY_SOURCE_COMPLETION: _ClassVar[EntrySource]
    ENTRY_SOURCE_TEXT: _ClassVar[EntrySource]
    ENTRY_SOURCE_USAGE: _ClassVar[EntrySource]
    ENTRY_SOURCE_COST: _ClassVar[EntrySource]
    ENTRY_SOURCE_RESET: _ClassVar[EntrySource]
    ENTRY_SOURCE_LEGACY: _ClassVar[EntrySource]
    ENTRY_SOURCE_RESERVATION: _ClassVar[EntrySource]
    ENTRY_SOURCE_REFUND: _ClassVar[EntrySource]
SERVICE_TIER_UNSPECIFIED: ServiceTier
SERVICE_TIER_STANDARD: ServiceTier
SERVICE_TIER_FLEX: ServiceTier
SERVICE_TIER_PRIORITY: ServiceTier
SERVICE_TIER_BATCH: ServiceTier
ENTRY_KIND_UNSPECIFIED: EntryKind
ENTRY_KIND_CHARGE: EntryKind
ENTRY_KIND_RESET: EntryKind
ENTRY_KIND_CORRECTION: EntryKind
ENTRY_SOURCE_UNSPECIFIED: EntrySource
ENTRY_SOURCE_COMPLETION: EntrySource
ENTRY_SOURCE_TEXT: EntrySource
ENTRY_SOURCE_USAGE: EntrySource
ENTRY_SOURCE_COST: EntrySource
ENTRY_SOURCE_RESET: EntrySource
ENTRY_SOURCE_LEGACY: EntrySource
ENTRY_SOURCE_RESERVATION: EntrySource
ENTRY_SOURCE_REFUND: EntrySource

class Usage(_message.Message):
    __slots__ = ("model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens", "input_audio_tokens", "output_audio_tokens", "input_image_tokens", "output_image_tokens", "input_characters", "output_characters", "input_seconds", "output_seconds", "images", "pixels", "pages", "search_queries", "requests", "service_tier", "cache_read_audio_tokens", "cache_read_image_tokens")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_READ_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_1H_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASONING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INPUT_AUDIO_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_AUDIO_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INPUT_IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INPUT_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    INPUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    SEARCH_QUERIES_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIER_FIELD_NUMBER: _ClassVar[int]
    CACHE_READ_AUDIO_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_READ_IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    input_image_tokens: int
    output_image_tokens: int
    input_characters: int
    output_characters: int
    input_seconds: float
    output_seconds: float
    images: int
    pixels: int
    pages: int
    search_queries: int
    requests: int
    service_tier: ServiceTier
    cache_read_audio_tokens: int
    cache_read_image_tokens: int
    def __init__(self, model: _Optional[str] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cache_read_tokens: _Optional[int] = ..., cache_write_tokens: _Optional[int] = ..., cache_write_1h_tokens: _Optional[int] = ..., reasoning_tokens: _Optional[int] = ..., input_audio_tokens: _Optional[int] = ..., output_audio_tokens: _Optional[int] = ..., input_image_tokens: _Optional[int] = ..., output_image_tokens: _Optional[int] = ..., input_characters: _Optional[int] = ..., output_characters: _Optional[int] = ..., input_seconds: _Optional[float] = ..., output_seconds: _Optional[float] = ..., images: _Optional[int] = ..., pixels: _Optional[int] = ..., pages: _Optional[int] = ..., search_queries: _Optional[int] = ..., requests: _Optional[int] = ..., service_tier: _Optional[_Union[ServiceTier, str]] = ..., cache_read_audio_tokens: _Optional[int] = ..., cache_read_image_tokens: _Optional[int] = ...) -> None: ...

class TextUsage(_message.Message):
    __slots__ = ("model", "input_text", "output_text")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    INPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TEXT_FIELD_NUMBER: _ClassVar[int]
    model: str
    input_text: str
    output_text: str
    def __init__(self, model: _Optional[str] = ..., input_text: _Optional[str] = ..., output_text: _Optional[str] = ...) -> None: ...

class KnownCost(_message.Message):
    __slots__ = ("model", "cost_nano_usd")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    model: str
    cost_nano_usd: int
    def __init__(self, model: _Optional[str] = ..., cost_nano_usd: _Optional[int] = ...) -> None: ...

class CostEntry(_message.Message):
    __slots__ = ("request_id", "user", "kind", "source", "model", "cost_nano_usd", "usage", "price", "reservation_id", "create_time", "spent_after_nano_usd", "total_after_nano_usd", "held_after_nano_usd", "period_start", "corrects_request_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SPENT_AFTER_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    TOTAL_AFTER_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    HELD_AFTER_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    CORRECTS_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    user: str
    kind: EntryKind
    source: EntrySource
    model: str
    cost_nano_usd: int
    usage: Usage
    price: Price
    reservation_id: str
    create_time: _timestamp_pb2.Timestamp
    spent_after_nano_usd: int
    total_after_nano_usd: int
    held_after_nano_usd: int
    period_start: _timestamp_pb2.Timestamp
    corrects_request_id: str
    def __init__(self, request_id: _Optional[str] = ..., user: _Optional[str] = ..., kind: _Optional[_Union[EntryKind, str]] = ..., source: _Optional[_Union[EntrySource, str]] = ..., model: _Optional[str] = ..., cost_nano_usd: _Optional[int] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., price: _Optional[_Union[Price, _Mapping]] = ..., reservation_id: _Optional[str] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., spent_after_nano_usd: _Optional[int] = ..., total_after_nano_usd: _Optional[int] = ..., held_after_nano_usd: _Optional[int] = ..., period_start: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., corrects_request_id: _Optional[str] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("model", "source", "lines", "assumptions")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ASSUMPTIONS_FIELD_NUMBER: _ClassVar[int]
    model: str
    source: str
    lines: _containers.RepeatedCompositeFieldContainer[PriceLine]
    assumptions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[str] = ..., source: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[PriceLine, _Mapping]]] = ..., assumptions: _Optional[_Iterable[str]] = ...) -> None: ...

class PriceLine(_message.Message):
    __slots__ = ("dimension", "quantity", "rate_usd", "per", "cost_usd")
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RATE_USD_FIELD_NUMBER: _ClassVar[int]
    PER_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    dimension: str
    quantity: str
    rate_usd: str
    per: str
    cost_usd: str
    def __init__(self, dimension: _Optional[str] = ..., quantity: _Optional[str] = ..., rate_usd: _Optional[str] = ..., per: _Optional[str] = ..., cost_usd: _Optional[str] = ...) -> None: ...
