"""`callscribe calls`."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from callscribe.adapters.call_lists import MOST_UNFINISHED
from callscribe.adapters.dynamodb import iso
from callscribe.domain.recording import State
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.calls import Listed, Place, Wanted, listed
from callscribe_tools.operator.cli_common import (
    EnvOption,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.environment import Env
from callscribe_tools.operator.printing import console, print_json, print_table, telling
from callscribe_tools.show import shown

commands = typer.Typer()

USUAL = timedelta(days=7)
"""How far back calls are listed where nothing is said."""


INCOMPLETE = (
    f"More than {MOST_UNFINISHED} calls are not erased everywhere yet, and this list leaves some of them out. The "
    "sweep continues to erase all of them: list them again later."
)


@commands.command("calls", epilog=exits())
def calls(
    *,
    day: Annotated[
        str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="Calls that began on that day, in the --tz.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=options.moment, metavar="TIME", help=f"Calls that began since: {options.TIME}; else 7d."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=options.moment, metavar="TIME", help="Calls that began before; else now.")
    ] = None,
    number: Annotated[
        str | None,
        typer.Option("--number", parser=options.number, metavar="+1…", help="Calls from or to that number, in E.164."),
    ] = None,
    state: Annotated[
        State | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help=f"Calls with a recording in that state: {', '.join(State)}.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="So many calls at most.")] = 50,
    after: Annotated[
        Place | None,
        typer.Option("--continue", parser=options.place, metavar="TOKEN", help="Go on behind an earlier list."),
    ] = None,
    zone: options.ZoneOption = "UTC",
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List calls, the latest first: when, from whom, to whom, how long, and where the recordings stand.

    With --state erased it lists the calls that were erased in that time, and when: nothing else is known of them.

    Numbers are shown in full. Times are those of --tz, with --json in UTC. A page that is not the last names the
    command for the next one; in --json it is `next`, the token for --continue.

    \b
    Example: callscribe calls --day 2026-11-20 --tz Europe/Berlin
    Example: callscribe calls --since 30d --number +12025550142 --state failed
    """
    local = options.zone(zone)
    since, until = _span(day, since, until, local)
    if state is State.ERASED:
        if number:
            raise typer.BadParameter("of erased calls no number is known.", param_hint="--number")
        _list_erased(since, until, after, limit, local, zone, env, stack, as_json=as_json)
        return
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        wanted = Wanted(
            since=since, until=until, number=number, state=state, after=after, retention=environment.table.retention
        )
        found = list(islice(listed(environment.lists, wanted, tell), limit + 1))
    page, more = found[:limit], len(found) > limit
    token = Place(page[-1].started, page[-1].sid).token() if more else None
    if as_json:
        print_json({"stack": environment.stack, "calls": [one.told() for one in page], "next": token})
        return
    if not page:
        console.print("There are no such calls.")
        return
    print_table(("STARTED", "FROM", "TO", "SECONDS", "STATE", "CALL"), (_row(one, local) for one in page))
    if token:
        text = f"calls --continue {token} {_again(wanted, limit, zone)}"
        console.print(f"There are more: {environment.command(text)}")


def _list_erased(
    since: datetime,
    until: datetime,
    after: Place | None,
    limit: int,
    local: ZoneInfo,
    zone: str,
    env: Env | None,
    stack: str | None,
    *,
    as_json: bool,
) -> None:
    """List the calls that were erased in that time: nothing else is known of them."""
    with answering(as_json=as_json) as answer, telling() as tell:
        environment = environment_of(env, stack)
        tell("Reading the erased calls")
        # A page ends within a second, of which the next page has the other calls.
        last = after.started + timedelta(seconds=1) if after else until
        cuts: list[str] = []
        found = environment.lists.erased(since, min(until, last), lambda: cuts.append(INCOMPLETE))
        erased = (Place(when, sid) for sid, when in found)
        listed = sorted(
            islice((one for one in erased if after is None or _is_behind(one, after)), limit + 1), key=_order
        )
        page, more = listed[:limit], len(listed) > limit
        token = page[-1].token() if more else None
        calls = [{"call_sid": one.call_sid, "erased_at": iso(one.started)} for one in page]
        answer.document = {"stack": environment.stack, "calls": calls, "next": token, "incomplete": bool(cuts)}
    for text in cuts:
        console.print(text)
    if as_json:
        return
    if not page:
        console.print("No call was erased in that time.")
        return
    print_table(
        ("ERASED", "CALL"), [(f"{one.started.astimezone(local):%Y-%m-%d %H:%M:%S}", one.call_sid) for one in page]
    )
    if token:
        wanted = Wanted(since=since, until=until, state=State.ERASED, retention=environment.table.retention)
        text = f"calls --continue {token} {_again(wanted, limit, zone)}"
        console.print(f"There are more: {environment.command(text)}")


def _order(place: Place) -> tuple[float, str]:
    return -place.started.timestamp(), place.call_sid


def _is_behind(place: Place, other: Place) -> bool:
    return _order(place) > _order(other)


def _span(day: str | None, since: datetime | None, until: datetime | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    if day is not None:
        if since or until:
            raise typer.BadParameter("it is in the place of --since and --until.", param_hint="--day")
        return options.day(day, zone)
    # The next second: what has begun in this one is listed too.
    until = until or now + timedelta(seconds=1)
    since = since or until - USUAL
    if until <= since:
        raise typer.BadParameter("it must be after --since.", param_hint="--until")
    return since, until


def _row(call: Listed, zone: ZoneInfo) -> tuple[object, ...]:
    return (
        call.started.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        shown(call.call.get("from", "?")),
        shown(call.call.get("to", "?")),
        "?" if call.seconds is None else call.seconds,
        tuple(call.states()) or "no recording",
        call.sid,
    )


def _again(wanted: Wanted, limit: int, zone: str) -> str:
    """The options that ask for the same list; what is behind its first page began before now."""
    words = [f"--since {iso(wanted.since)}"]
    if wanted.until <= datetime.now(UTC):
        words.append(f"--until {iso(wanted.until)}")
    words += [f"--number {wanted.number}"] if wanted.number else []
    words += [f"--state {wanted.state}"] if wanted.state else []
    words += [f"--limit {limit}", *([] if zone == "UTC" else [f"--tz {zone}"])]
    return " ".join(words)
