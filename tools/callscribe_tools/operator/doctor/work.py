"""Checks of what the stack does: what waits, what failed, when it last swept, what it stored last."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from callscribe_tools.operator.doctor.finding import Finding, broken, ok, unknown
from callscribe_tools.operator.environment import Environment, Line
from callscribe_tools.operator.printing import age
from callscribe_tools.words import quantity, verb

ATTENTION, SWEEP, LAST_CALL = "recordings", "sweep", "last call"

LATE = timedelta(hours=1)
"""Longer than a few sweeps that failed one after another."""

DAYS = 14
"""How far back the last stored call is looked for: a day is one query."""

MOST_COUNTED = 1000


def waiting(line: Line) -> Iterator[Finding]:
    """Report how much waits on a queue: one look cannot see whether that gets less.

    Postponed messages are no load, and hold up no other message, so that they alone are no finding.
    """
    name, depth = f"queue of {line.name}", line.queue.depth()
    are = verb(depth.received, "is", "are")
    received = f" About {depth.received} {are} being worked on or {are} postponed." if depth.received else ""
    if depth.waiting:
        remedy = "Calls that have just ended do. Look again: they must get less."
        yield unknown(
            name,
            f"About {quantity(depth.waiting, 'message')} {verb(depth.waiting, 'waits', 'wait')}.{received}",
            remedy,
        )
    else:
        yield ok(name, f"Nothing waits.{received}")


def dead_letters(environment: Environment, line: Line) -> Iterator[Finding]:
    """Whether nobody could work on a message."""
    name, count = f"dead letters of {line.name}", len(line.dead_letters.look())
    if count:
        remedy = f"See what to do for each: {environment.command('failed')}"
        yield broken(name, f"There {verb(count, 'is', 'are')} {count}.", remedy)
    else:
        yield ok(name, "There are none.")


def attention(environment: Environment) -> Iterator[Finding]:
    """Whether recordings wait for a person."""
    count = sum(1 for _ in islice(environment.lists.needing_attention(), MOST_COUNTED))
    if count:
        more = " or more" if count == MOST_COUNTED else ""
        told = f"{count}{more} failed or {verb(count, 'was', 'were')} over the day's budget."
        yield broken(ATTENTION, told, f"See what to do for each: {environment.command('failed')}")
    else:
        yield ok(ATTENTION, "None waits for a person.")


def sweep(environment: Environment) -> Iterator[Finding]:
    """Whether the sweep finds what is lost, and lately did."""
    progress, now = environment.lists.progress(), datetime.now(UTC)
    remedy = f"Let it run, and see what it says: {environment.command('sweep')}"
    if progress is None and now - environment.created < LATE:
        yield unknown(SWEEP, "It has not run since the stack was created just now.", "Look again in some minutes.")
    elif progress is None:
        yield broken(SWEEP, "It has never come to its end.", remedy)
    elif now - progress.whole_until > LATE:
        yield broken(
            SWEEP, f"What is younger than {age(progress.whole_until)} it has not compared with Twilio.", remedy
        )
    else:
        yield ok(SWEEP, f"It has compared all but the last {age(progress.whole_until)}.")


def last_call(environment: Environment) -> Iterator[Finding]:
    """When a call that is stored came in, if lately one did."""
    today = datetime.now(UTC).date()
    for back in range(DAYS):
        day = today - timedelta(days=back)
        stored = [row for row in environment.lists.of_day(day) if row.get("state") == "stored"]
        if stored:
            yield ok(LAST_CALL, f"One of {day} is stored: {stored[-1]['pk'].removeprefix('CALL#')}.")
            return
    yield unknown(LAST_CALL, f"None of the last {DAYS} days is stored.", "Call a number, and look again.")
