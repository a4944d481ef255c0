"""Twilio's identifiers as types, so that a recording's SID is never taken for a call's.

A SID is a two-letter prefix and 32 lower-case hexadecimal digits (Twilio glossary, "String Identifier").
"""

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class Sid(str):
    """A SID of any kind; use the subclass that says which.

    Raises:
        ValueError: the text is no SID of this kind. The text itself is not repeated: it may be a customer's.
    """

    __slots__ = ()
    prefix: ClassVar[str] = "[A-Z]{2}"

    def __new__(cls, text: str) -> Self:
        """Take `text` for a SID once it has the shape of one."""
        if not re.fullmatch(rf"{cls.prefix}[0-9a-f]{{32}}", text):
            raise ValueError(f"not a {cls.__name__}: expected {cls.prefix} and 32 hexadecimal digits")
        return super().__new__(cls, text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: "GetCoreSchemaHandler") -> "CoreSchema":
        # Imported here: pydantic must not be loaded while a caller waits.
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.no_info_after_validator_function(cls, handler(str))


class CallSid(Sid):
    """A call, or one leg of it."""

    __slots__ = ()
    prefix = "CA"


class ConferenceSid(Sid):
    """A conference."""

    __slots__ = ()
    prefix = "CF"


class RecordingSid(Sid):
    """A recording."""

    __slots__ = ()
    prefix = "RE"


class TranscriptSid(Sid):
    """A transcript of Conversational Intelligence."""

    __slots__ = ()
    prefix = "GT"


class ServiceSid(Sid):
    """An Intelligence Service."""

    __slots__ = ()
    prefix = "GA"
