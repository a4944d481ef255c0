"""What a check finds, and how an error of a check becomes what it finds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from callscribe.domain.errors import CallscribeError, CredentialsError
from callscribe_tools.operator.errors import OperatorError, sentences_of

FORESEEN = (OperatorError, CallscribeError, BotoCoreError, Boto3Error, ClientError, ResponseParserError)


class State(StrEnum):
    """What is so: unknown is what cannot be seen from here, or is not wrong for certain."""

    OK = "ok"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `told` is what is so; `remedy` what to do about it, empty where nothing is to be done."""

    name: str
    state: State
    told: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The same for machines."""
        return {key: str(value) for key, value in asdict(self).items()}


def ok(name: str, told: str) -> Finding:
    """Find nothing to do."""
    return Finding(name, State.OK, told)


def broken(name: str, told: str, remedy: str) -> Finding:
    """Find what keeps calls from being answered or stored."""
    return Finding(name, State.BROKEN, told, remedy)


def unknown(name: str, told: str, remedy: str) -> Finding:
    """Find what a person has to look at."""
    return Finding(name, State.UNKNOWN, told, remedy)


def guarded(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Do a check; an error ends it alone, and is what it found."""
    try:
        yield from check()
    except CredentialsError as error:
        yield broken(name, f"{error}.", "Mend what this check asks with, then try again.")
    except FORESEEN as error:
        yield broken(name, sentences_of(error), "Mend that, then try again.")
    except Exception as error:  # noqa: BLE001 (one check's mistake must not hide what the others find)
        # Its message may hold anything.
        yield broken(
            name, f"The check itself failed, by a mistake in it or an answer nobody foresaw: {type(error).__name__}.",
            "Report it. The other checks do not depend on it.",
        )  # fmt: skip
