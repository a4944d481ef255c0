"""`callscribe audio`."""

from pathlib import Path
from typing import Annotated

import typer

from callscribe.adapters.items import StoredCall
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.audio import NoAudioError, choose, fetch
from callscribe_tools.operator.cli_common import (
    EnvOption,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.files import NOT_REACHED
from callscribe_tools.operator.printing import console, print_line, telling

commands = typer.Typer()


@commands.command("audio", epilog=exits(refused="there is no such audio, or the file cannot be written"))
def audio(
    call: Annotated[CallSid, typer.Argument(parser=options.call_sid, metavar="CA…", help="The call.")],
    *,
    channels: Annotated[
        int | None,
        typer.Option(
            "--channels", min=1, max=2, metavar="1|2", help="Mixed, or each party in its own; else as it was recorded."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to; else CA….wav here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the recording of a call from Twilio as a WAV file, and print the file's name.

    Only you may read the file. It is there when it is whole, and not before.

    \b
    Example: callscribe audio CA00000000000000000000000000000001
    Example: callscribe audio CA00000000000000000000000000000001 --channels 1 --output heard.wav
    """
    path = output or Path(f"{call}.wav")
    with answering(as_json=as_json) as answer, telling() as tell:
        environment = environment_of(env, stack)
        stored = environment.table.read(call)
        sid = _recording(stored, environment)
        wanted = channels or min(int(stored.recordings[sid].get("channels", 1)), 2)
        tell(f"Asking Twilio for recording {sid}")
        size = fetch(environment.settings(), sid, wanted, path, tell, force=force)
        answer.document = {
            "call_sid": call, "recording_sid": sid, "channels": wanted, "bytes": size, "file": str(path)
        }  # fmt: skip
    if not as_json:
        print_line(str(path))
    console.print(f"{size / 1e6:.1f} MB of recording {sid}. {NOT_REACHED}")


def _recording(stored: StoredCall, environment: Environment) -> RecordingSid:
    """The recording to hear; raises NoAudioError where there is none."""
    if stored.erased_at:
        raise NoAudioError(f"Call {stored.sid} was erased, and its recordings with it")
    sid = choose(stored.recordings)
    if sid is None:
        again = environment.command("ledger --since 7d")
        raise NoAudioError(
            f"No recording of call {stored.sid} is known. What Twilio has and the table has not: {again}"
        )
    return sid
