"""The one tree of errors. The family decides what becomes of a webhook or a message.

CallscribeError
├── InvalidError        the sender's fault: the webhook is refused
│   └── ForgeryError    not provably Twilio's
├── TransientError      a retry may help: 5xx to Twilio, the message comes back
│   ├── GivesWayError   nothing is wrong, but other work goes first
│   ├── OutOfTimeError  there was no time left to end it
│   ├── CredentialsError    Twilio does not take them, or they may not do it; they can be mended
│   ├── ServiceRefusedError Twilio refuses a number's Intelligence Service; the settings or the Service can be fixed
│   └── SettingsError   the settings are missing or wrong (in `domain.settings`)
├── UnknownEventError   Twilio's, but of no kind we know: acknowledged and counted
├── UnreadableError     a shape nobody foresaw: to the dead letters with its reason
└── PermanentError      no retry helps: failed with a reason, or the dead letters
    ├── NotFoundError   the resource does not exist (any more) at Twilio
    ├── NoCallError     the recording is of no call, as those of conferences may be
    └── ChangedError    somebody else has changed it since it was read
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pydantic import ValidationError


class CallscribeError(Exception):
    """Any error of ours. The message says what happened, to what, and what to do."""


class InvalidError(CallscribeError):
    """The sender asked for something that cannot be."""


class ForgeryError(InvalidError):
    """The request is not provably Twilio's. `kind` names the doubt for a metric, in a few fixed words of ours."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class TransientError(CallscribeError):
    """It did not work now and may work later; not before `retry_after` seconds, where that is known."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GivesWayError(TransientError):
    """Nothing is wrong: other work goes first."""


class OutOfTimeError(TransientError):
    """There was no time left to finish. The message says how far it came."""


class CredentialsError(TransientError):
    """Twilio does not take the credentials, or they may not do what was asked.

    `forbidden`: Twilio knows the credentials (403, not 401), so that others may be allowed what was asked.
    """

    def __init__(self, message: str, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.forbidden = forbidden


class ServiceRefusedError(TransientError):
    """Twilio refuses to transcribe under the Intelligence Service of a number."""


class UnknownEventError(CallscribeError):
    """An event of a kind we do not know. The message has some names of its fields, never values."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(f"an event of an unknown kind, with the fields {', '.join(_told(names)) or '(none)'}")


class UnreadableError(CallscribeError):
    """A message or an answer has a shape nobody foresaw. The message names fields, never values."""

    @classmethod
    def of(cls, what: str, error: "ValidationError") -> Self:
        """Say of a model's refusal which fields are wrong, and how."""
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors())
        return cls(f"{what}: {'; '.join(wrong)}")


class PermanentError(CallscribeError):
    """It will not work however often it is tried. `reason` is what the row of a failed recording says."""

    def __init__(self, message: str, reason: str = "error") -> None:
        super().__init__(message)
        self.reason = reason


class NotFoundError(PermanentError):
    """Twilio does not have the resource, any more or yet."""


class NoCallError(PermanentError):
    """A recording is of no call. `source` is Twilio's word for what made it."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(message, reason="no_call")
        self.source = source


class ChangedError(PermanentError):
    """Somebody else has changed at Twilio what was to be changed, since it was read."""


def _told(names: Iterable[str]) -> list[str]:
    """The first twenty names, without what could forge a log line or be somebody's phone number."""
    safe = {re.sub(r"\d{5,}", "", re.sub("[^A-Za-z0-9_.-]", "", name))[:40] for name in names}
    return sorted(safe - {""})[:20]
