"""The one tree of errors. The family decides what becomes of a webhook or a message.

CallscribeError
├── InvalidError        the sender's fault: the webhook is refused
│   └── ForgeryError    not provably Twilio's
├── TransientError      a retry may help: 5xx to Twilio, the message comes back
│   └── SettingsError   the settings are missing or wrong (in `domain.settings`)
├── UnreadableError     a shape nobody foresaw: to the dead letters with its reason
└── PermanentError      no retry helps: failed with a reason, or the dead letters
    └── NotFoundError   the resource does not exist (any more) at Twilio
"""

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pydantic import ValidationError


class CallscribeError(Exception):
    """Any error of ours. The message says what happened, to what, and what to do."""


class InvalidError(CallscribeError):
    """The sender asked for something that cannot be."""


class ForgeryError(InvalidError):
    """The request is not provably Twilio's."""


class TransientError(CallscribeError):
    """It did not work now and may work later."""


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
    """Twilio does not have the resource (any more)."""
