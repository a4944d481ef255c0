"""Erases calls, and says of each copy what became of it, and which copies it cannot reach.

What cannot be erased now the sweep goes on with; to erase a call again does no harm.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from callscribe.adapters.dynamodb import iso
from callscribe.adapters.items import call_sid_of
from callscribe.domain.call import masked
from callscribe.domain.erasure import Erasure
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid
from callscribe.usecases.erase_call import NotOursError, erase_call
from callscribe_tools.operator.calls import why_no_number
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import OperatorError
from callscribe_tools.operator.out_of_reach import OutOfReach, out_of_reach
from callscribe_tools.operator.printing import Tell
from callscribe_tools.words import quantity

DAY = timedelta(days=1)

EVER = datetime(2008, 1, 1, tzinfo=UTC)
"""Twilio has no call from before; what is no longer in the table may still be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an erasure has done to one call. No phone number is in it.

    `goes_on` says what happens to what is left; None where nothing is.
    """

    erasure: Erasure
    goes_on: str | None
    out_of_reach: Sequence[OutOfReach]

    def told(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "call_sid": self.erasure.call_sid,
            "erased_at": iso(self.erasure.erased_at),
            "finished": self.erasure.finished,
            "goes_on": self.goes_on,
            "copies": [asdict(one) for one in self.erasure.copies],
            "out_of_reach": [asdict(one) for one in self.out_of_reach],
        }


def erase(
    environment: Environment, call_sids: Iterable[CallSid], settings: Settings, progress: Tell
) -> Iterator[Receipt]:
    """Erase one call after the other; of each that it gives a receipt of, nothing that it can reach comes back.

    Raises:
        OperatorError: a call is none of this stack's. Those before it are erased.
        TransientError: AWS does not answer, or may not be asked; or Twilio, of a call that the table does not know.
        PermanentError: AWS refuses.
    """
    twilio = environment.twilio(settings)
    for call_sid in call_sids:
        progress(f"Erasing call {call_sid}")
        try:
            erasure = erase_call(
                call_sid,
                table=environment.table,
                unredacted=environment.unredacted,
                twilio=twilio,
                settings=settings,
                patience=environment.patience,
            )
        except NotOursError as error:
            raise OperatorError(
                f"Call {call_sid} was not erased: {error}. Look at the SID; where the number has left the settings, "
                "write it back first"
            ) from None
        yield Receipt(
            erasure=erasure,
            goes_on=_goes_on(environment, erasure),
            out_of_reach=out_of_reach(environment, settings, call_sid),
        )


def _goes_on(environment: Environment, erasure: Erasure) -> str | None:
    if not erasure.waits_for:
        return None
    return (
        f"Some copies are left. You need do nothing: the sweep tries again every few minutes until no copy is left; it "
        f"waits for {erasure.waits_for}. To try now: {environment.command(f'erase {erasure.call_sid}')}"
    )


def calls_of_number(environment: Environment, number: str, settings: Settings, progress: Tell) -> list[CallSid]:
    """Find the calls from a number, in the table or at Twilio, to the numbers in the settings. Writes nothing.

    A call whose caller's number is no longer in the table and not at Twilio is not found: erase it by its SID.

    Parameters:
        number: in E.164.

    Raises:
        OperatorError: that is no number; or not all that Twilio has can be read, so that calls would be missed.
        TransientError: AWS or Twilio does not answer, or may not be asked.
        PermanentError: it refuses.
        UnreadableError: Twilio's list has another shape.
    """
    if refusal := why_no_number(number):
        raise OperatorError(refusal)
    found = dict.fromkeys(_in_the_table(environment, number, progress))
    return [*(found | dict.fromkeys(_at_twilio(environment, number, settings, progress)))]


def _in_the_table(environment: Environment, number: str, progress: Tell) -> Iterator[CallSid]:
    # A day more on both sides: a call's day is that of its first writer.
    last = datetime.now(UTC).date() + DAY
    for back in range(environment.table.retention // DAY + 3):
        day = last - back * DAY
        if day.day == 1 or not back:
            progress(f"Looking for calls from {masked(number)} in {day:%Y-%m}")
        yield from (call_sid_of(row) for row in environment.lists.of_day(day) if row.get("from") == number)


def _at_twilio(environment: Environment, number: str, settings: Settings, progress: Tell) -> Iterator[CallSid]:
    progress(f"Looking for calls from {masked(number)} at Twilio")
    unreadable: list[Exception] = []
    now = datetime.now(UTC)
    for call in environment.twilio(settings).calls_from(number, EVER, now + DAY, unreadable.append):
        if call.to in settings.numbers:
            yield call.sid
    if unreadable:
        raise OperatorError(
            f"Nothing was erased: {quantity(len(unreadable), 'call')} from that number cannot be read at Twilio, the "
            f"first: {unreadable[0]}. Erase the others by their SIDs"
        )
