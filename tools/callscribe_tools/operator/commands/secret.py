"""`callscribe secret set` and `callscribe secret check`."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from callscribe.adapters.dynamodb import iso
from callscribe.domain.errors import TransientError
from callscribe.domain.settings import SettingsError, TwilioCredentials
from callscribe_tools.cli_help import Group
from callscribe_tools.operator import credentials as known
from callscribe_tools.operator.cli_common import (
    EnvOption,
    Exit,
    JsonOption,
    StackOption,
    YesOption,
    answering,
    asked,
    asked_secretly,
    confirmed,
    environment_of,
    exits,
)
from callscribe_tools.operator.credentials import Credentials, Tried
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import BrokenError, OperatorError, RefusedError
from callscribe_tools.operator.printing import age, console, print_json, print_line, print_table, telling
from callscribe_tools.operator.settings_store import check_secret
from callscribe_tools.operator.setup.ownership import ownership_of
from callscribe_tools.words import quantity

commands = typer.Typer()
_group = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Store the credentials of an account at Twilio, and look at them.\n\n\b\n"
    "Example: callscribe secret check --env prod",
)
commands.add_typer(
    _group,
    name="secret",
    epilog=exits("the credentials do not work", refused="the credentials are refused, or you answered no"),
)


@_group.command("set", epilog=exits(refused="the credentials are refused, or you answered no; nothing was stored"))
def secret_set(
    *,
    from_env: Annotated[
        bool, typer.Option("--from-env", help=f"Read {', '.join(known.VARIABLES.values())} from the environment.")
    ] = False,
    from_stdin: Annotated[
        bool,
        typer.Option("--from-stdin", help=f"Read one JSON object from standard input: {', '.join(known.NAMES)}."),
    ] = False,
    keep_old_token: Annotated[
        bool, typer.Option("--keep-old-token", help="Keep the auth token before this one beside it, while it rotates.")
    ] = False,
    env: EnvOption = None,
    stack: StackOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Store the credentials of an account at Twilio in the settings secret.

    Without --from-env and --from-stdin they are asked for, and secrets are not shown. All are tried at Twilio before
    anything is stored: the API key must read calls and Intelligence Services, the auth token must be that of an active
    account. What else the settings hold stays. No value is printed, and none is an option, which a shell would keep.

    \b
    Example: callscribe secret set
    Example: callscribe secret set --env prod --from-env
    Example: op item get callscribe --format json | jq … | callscribe secret set --from-stdin
    """
    if from_env and from_stdin:
        raise typer.BadParameter("it is in the place of --from-env: give one of them.", param_hint="--from-stdin")
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        credentials = _read(from_env=from_env, from_stdin=from_stdin)
        tell("Trying the credentials at Twilio")
        _refuse_wrong(known.try_all(credentials, environment.twilio_url))
        document = _before(environment, credentials, yes=yes)
        document = known.entered(document, credentials, environment.twilio_url, keep_old_token=keep_old_token)
        changed = document != _document(environment)
        if changed:
            environment.settings_store.write_secret(document)
    told = {"stack": environment.stack, "account_sid": credentials.account_sid, "api_key_sid": credentials.api_key_sid}
    if as_json:
        print_json({**told, "changed": changed, "auth_tokens": len(document["auth_tokens"])})
        return
    stored = "They are stored, and used within five minutes" if changed else "They are what is stored already"
    print_line(f"Twilio takes the credentials of {credentials.account_sid}. {stored}.")
    console.print(f"Next: {environment.command('setup plan')}")


def _read(*, from_env: bool, from_stdin: bool) -> Credentials:
    if from_env:
        return known.from_environment()
    if from_stdin:
        return known.from_stdin()
    if not _at_a_terminal():
        raise RefusedError(
            f"Standard input is no terminal, where one could be asked: say --from-env or --from-stdin; {known.NOTHING}"
        )
    try:
        return known.prompted(asked, asked_secretly)
    except EOFError:
        raise RefusedError(f"Standard input has ended before all were given; {known.NOTHING}") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Stopped; {known.NOTHING}") from None


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _refuse_wrong(tried: list[Tried]) -> None:
    if wrong := [f"The {one.what}: {one.wrong}" for one in tried if not one.works]:
        raise RefusedError(f"{'. '.join(wrong)}. N{known.NOTHING[1:]}")


def _document(environment: Environment) -> dict[str, Any] | None:
    try:
        return environment.settings_store.secret()
    except OperatorError:
        return None


def _before(environment: Environment, credentials: Credentials, *, yes: bool) -> dict[str, Any]:
    """What stays of the document, once whoever it concerns has agreed."""
    try:
        document = environment.settings_store.secret() or {}
    except OperatorError:
        confirmed("The settings there are no JSON object, and are lost. Write them anew?", yes=yes)
        document = {}
    document = _of_this_account(environment, document, credentials.account_sid, yes=yes)
    try:
        check_secret(known.entered(document, credentials, environment.twilio_url, keep_old_token=False))
    except SettingsError as error:
        told = str(error).rpartition("write it again: ")[2]
        confirmed(f"The settings there are wrong ({told}). Write them anew, with the credentials alone?", yes=yes)
        return {}
    return document


def _of_this_account(
    environment: Environment, document: Mapping[str, Any], account_sid: str, *, yes: bool
) -> dict[str, Any]:
    """The document without what is of another account: its numbers, and what the stack has written down of them."""
    ownership, stored = ownership_of(environment), environment.settings_store.read_beside(document)
    before = document.get("account_sid", account_sid) if stored.numbers.get("numbers") else account_sid
    others = {before, ownership.account_sid or account_sid} - {account_sid}
    if not others:
        return dict(document)
    confirmed(
        f"The settings are of account {others.pop()}. Its numbers leave the settings, and what setup has made there "
        f"stays there; to take it away first: {environment.command('setup destroy')}. "
        f"Use account {account_sid} in its place?",
        yes=yes,
    )
    # The secret goes last: as long as it has the other account, this is asked again.
    if stored.item is not None:
        environment.settings_store.write_numbers({**stored.item, "numbers": {}}, stored)
    ownership.forget()
    return {name: value for name, value in document.items() if name != "numbers"}


@_group.command("check", epilog=exits("the settings are missing or wrong, or Twilio does not take them"))
def secret_check(*, env: EnvOption = None, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Look at what is stored: whose credentials, since when, and whether Twilio takes each.

    \b
    Example: callscribe secret check --env prod
    """
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        try:
            settings, numbers = environment.settings_store.credentials(), _count_of_numbers(environment)
        except (OperatorError, SettingsError) as error:
            raise BrokenError(_mended(environment, error)) from None
        tell("Trying the credentials at Twilio")
        tried = _tried(settings)
        changed = environment.settings_store.changed()
    works = all(one.works for one in tried if one.what != OLD_TOKEN)
    if as_json:
        print_json(
            {
                "stack": environment.stack,
                "account_sid": settings.account_sid,
                "api_key_sid": settings.api_key_sid,
                "numbers": numbers,
                "changed": iso(changed),
                "works": works,
                "credentials": [{"what": one.what, "works": one.works, "wrong": one.wrong} for one in tried],
            }
        )
    else:
        print_table(("CREDENTIAL", "STATE"), [(one.what, one.wrong or "works") for one in tried])
        told = f"Account {settings.account_sid}, API key {settings.api_key_sid}, {quantity(numbers, 'number')}"
        console.print(f"{told}; last changed {age(changed)} ago.")
    if not works:
        console.print(f"Set them anew: {environment.command('secret set')}", style="red")
        raise typer.Exit(Exit.NOT_FINE)


def _count_of_numbers(environment: Environment) -> int:
    """How many numbers the settings hold; none before the first `setup apply`."""
    if not environment.settings_store.read().has_numbers:
        return 0
    return len(environment.settings().numbers)


OLD_TOKEN = "older auth token"  # noqa: S105 (what it is called)


def _tried(settings: TwilioCredentials) -> list[Tried]:
    token, *older = settings.auth_tokens
    tried = [known.try_token(settings.account_sid, token, settings.twilio_url)]
    key = (settings.account_sid, settings.api_key_sid, settings.api_key_secret, settings.twilio_url)
    tried.append(known.try_key(*key, account=tried[0].works))
    for one in older:
        works = known.try_token(settings.account_sid, one, settings.twilio_url).works
        told = "Twilio takes it no more: `secret set` without --keep-old-token leaves it out"
        tried.append(Tried(what=OLD_TOKEN, wrong="" if works else told))
    return tried


def _mended(environment: Environment, error: OperatorError | TransientError) -> str:
    if isinstance(error, OperatorError):
        return str(error)
    write = " and ".join(environment.command(one) for one in ("secret set", "setup apply"))
    return f"{str(error)[:1].upper()}{str(error)[1:]}. Write them again: {write}"
