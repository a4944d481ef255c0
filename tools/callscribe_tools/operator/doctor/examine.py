"""All checks, in the order in which one thing needs another."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial

import httpx

from callscribe.domain.settings import Settings
from callscribe_tools.operator.console import Console, Resource
from callscribe_tools.operator.doctor import account, numbers, services, stack, webhooks, work
from callscribe_tools.operator.doctor.finding import Finding, State, guarded, unknown
from callscribe_tools.operator.environment import Environment, deployed
from callscribe_tools.operator.local import Local
from callscribe_tools.operator.printing import Tell

TWILIO = "Twilio"
NUMBERS = "numbers"
REST = "everything else"

type Carry = Callable[[Environment], httpx.BaseTransport | None]


def examine(
    name: str,
    option: str,
    progress: Tell,
    carry: Carry = webhooks.transport_to,
    *,
    local: Local | None = None,
    wiring_only: bool = False,
) -> Iterator[Finding]:
    """Examine the stack of a name, and what is at Twilio for it. Every error is a finding; nothing is changed.

    Parameters:
        option: what names the stack on the command line, for commands to try next.
        local: where the stack is, if that is this machine.
        wiring_only: whether what waits and what has failed is left out.
        carry: what carries requests to the stack's own addresses; None of it is the network.
    """
    progress(f"Looking at the stack {name}")
    yield from guarded(stack.CREDENTIALS, stack.credentials)
    found: list[Environment] = []

    def find() -> Iterator[Finding]:
        environment = deployed(name, option, local)
        found.append(environment)
        yield from stack.whole(environment)
        yield stack.version_of(environment)

    yield from guarded(stack.STACK, find)
    if not found:
        yield unknown(REST, "It is not known where to look without the stack.", "Mend that first.")
        return
    (environment,) = found
    yield from _wired(environment, progress, carry)
    if not wiring_only:
        yield from _works(environment, progress)


def _wired(environment: Environment, progress: Tell, carry: Carry) -> Iterator[Finding]:
    read: list[Settings] = []
    problems: dict[str, list[str]] = defaultdict(list)

    def settings_read() -> Iterator[Finding]:
        settings, finding = stack.settings_of(environment, lambda number, problem: problems[number].append(problem))
        read.extend([settings] if settings else [])
        yield finding

    progress("Reading the settings")
    yield from guarded(stack.SETTINGS, settings_read)
    if not read:
        yield unknown(TWILIO, "It cannot be asked without the settings.", "Mend those first.")
        return
    (settings,) = read
    for number, its in settings.numbers.items():
        yield numbers.texts(environment, number, its, problems.pop(number, []))
    for number, (problem, *_) in problems.items():
        yield numbers.left_out(environment, number, problem)
    yield from _at_twilio(environment, settings, progress)
    progress("Sending webhooks to the stack")
    # A transport that cannot be made is a finding as one that does not carry is.
    yield from guarded(
        f"signed {webhooks.INCOMING_CALL}",
        lambda: webhooks.signed(environment, settings, carry(environment)),
    )
    yield from guarded(webhooks.FALLBACK, lambda: webhooks.fallback(environment, settings, carry(environment)))
    for path in webhooks.REFUSING:
        yield from guarded(f"forged {path}", partial(_forged, environment, settings, path, carry))


def _forged(environment: Environment, settings: Settings, path: str, carry: Carry) -> Iterator[Finding]:
    yield from webhooks.forged(environment, settings, path, carry(environment))


def _at_twilio(environment: Environment, settings: Settings, progress: Tell) -> Iterator[Finding]:
    progress("Asking Twilio")
    yield from guarded(account.API_KEY, lambda: account.api_key(environment, settings))
    console = environment.console(settings)
    works = True
    for finding in guarded(account.AUTH_TOKEN, lambda: account.auth_token(environment, console)):
        yield finding
        works = finding.state is State.OK
    if works:
        yield from _by_token(environment, settings, console)
    else:
        yield unknown(TWILIO, "Services, numbers and the account's settings cannot be read.", "Mend the token first.")
    yield from account.unseen()


def _by_token(environment: Environment, settings: Settings, console: Console) -> Iterator[Finding]:
    yield from guarded(account.INTELLIGENCE, lambda: account.intelligence(console))
    for sid in sorted(settings.service_sids):
        yield from guarded(services.name_of(sid), partial(services.service, environment, settings, console, sid))
    found: dict[str, Resource] = {}

    def numbers_read() -> Iterator[Finding]:
        found.update(console.numbers(settings.numbers))
        yield from ()

    failed = list(guarded(NUMBERS, numbers_read))
    yield from failed
    # Many numbers have one Service.
    service = cache(console.service)
    for number, its in settings.numbers.items():
        if not failed:
            check = partial(numbers.number, environment, number, found.get(number))
            yield from guarded(numbers.name_of(number), check)
        yield from guarded(f"{numbers.name_of(number)}: language", partial(numbers.languages, service, number, its))
    yield from guarded(account.DEFAULTS, lambda: account.defaults(console))
    yield from guarded(account.ENCRYPTION, lambda: account.recordings(console))


def _works(environment: Environment, progress: Tell) -> Iterator[Finding]:
    progress("Looking at the queues and the table")
    for line in environment.lines:
        yield from guarded(f"queue of {line.name}", partial(work.waiting, line))
        yield from guarded(f"dead letters of {line.name}", partial(work.dead_letters, environment, line))
    yield from guarded(work.ATTENTION, lambda: work.attention(environment))
    yield from guarded(work.SWEEP, lambda: work.sweep(environment))
    yield from guarded(work.LAST_CALL, lambda: work.last_call(environment))
