"""Checks of the numbers in the settings: each must lead to this stack, and be greeted in the language that it hears."""

from collections.abc import Callable, Iterator, Sequence

from callscribe.domain.settings import NumberSettings
from callscribe_tools.operator.console import Resource
from callscribe_tools.operator.doctor.finding import Finding, broken, ok, unknown
from callscribe_tools.operator.doctor.webhooks import base_url
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.scripts import script_refusal

# The fields of Twilio's IncomingPhoneNumber resource, what they are called here, and the stack's outputs.
_WEBHOOKS = (
    ("call comes in", "voice_url", "voice_method", "IncomingCallUrl"),
    ("handler fails", "voice_fallback_url", "voice_fallback_method", "VoiceFallbackUrl"),
    ("status changes", "status_callback", "status_callback_method", "CallStatusUrl"),
)


def name_of(number: str) -> str:
    """What a number is called in findings: by its end alone."""
    return f"number …{number[-4:]}"


def left_out(environment: Environment, number: str, problem: str) -> Finding:
    """Report a stored number that the functions leave out of the settings."""
    return _not_in_force(environment, name_of(number), [problem])


def texts(environment: Environment, number: str, its: NumberSettings, problems: Sequence[str]) -> Finding:
    """Whether callers hear the texts of a number, and are told that they are recorded.

    Args:
        problems: what callers get in place of what is stored, as `from_json` reports it.
    """
    name, apply = f"{name_of(number)}: texts", environment.command("setup apply")
    if problems:
        return _not_in_force(environment, name, problems)
    if refusal := script_refusal(its):
        return broken(
            name,
            f"Callers do not hear all of them: {refusal}.",
            f"Correct the number in callscribe.toml, then: {apply}",
        )
    if not its.notice:
        return unknown(
            name,
            "The notice is empty: callers are not told that they are recorded.",
            f"If the law of your callers asks for it, give the number a notice in callscribe.toml, then: {apply}",
        )
    if its.unlisted_voice:
        return unknown(
            name,
            "This version of Callscribe does not know the voice, so it cannot say whether Twilio speaks by it.",
            "Call the number, and listen. If nothing is said, choose a voice that Twilio lists.",
        )
    return ok(name, "Twilio can speak them.")


def _not_in_force(environment: Environment, name: str, problems: Sequence[str]) -> Finding:
    return broken(
        name,
        f"Not all that is stored is in force: {'; '.join(problems)}.",
        f"Correct the number in callscribe.toml, then: {environment.command('setup apply')}",
    )


def number(environment: Environment, number: str, found: Resource | None) -> Iterator[Finding]:
    """Whether a number is the account's, and leads to this stack. `found` is what Twilio has of it."""
    name = name_of(number)
    if found is None:
        yield broken(
            name,
            "The account has none such.",
            f"Buy it in Twilio's console, or take it out of the settings: {environment.command('setup apply')}",
        )
        return
    yield ok(name, "It is the account's.")
    yield _bound(f"{name}: bound", found)
    for called, url, method, output in _WEBHOOKS:
        yield _webhook(f"{name}: {called}", found, (url, method), environment, output)


def _bound(name: str, found: Resource) -> Finding:
    for field, what in (("trunk_sid", "trunk"), ("voice_application_sid", "TwiML application")):
        if found.get(field):
            told = f"It is bound to the {what} {found[field]}: Twilio ignores the number's own webhooks."
            return broken(name, told, f"In Twilio's console, release the number from its {what}.")
    return ok(name, "Its own webhooks are called.")


def _is_of_0_1_0(environment: Environment, output: str, url: object) -> bool:
    """Whether an address is the fallback of version 0.1.0: a path of the HTTP API, which still answers."""
    return output == "VoiceFallbackUrl" and url == f"{base_url(environment)}/voice-fallback"


def _webhook(name: str, found: Resource, fields: tuple[str, str], environment: Environment, output: str) -> Finding:
    url, method = (found.get(field) for field in fields)
    wanted, apply = environment.url(output), environment.command("setup apply")
    if method == "POST" and _is_of_0_1_0(environment, output, url):
        # Not broken: between a deployment and `setup apply` every number has it, and a pipeline must not fail by that.
        told = "It calls the fallback of version 0.1.0, which still answers but needs a function of Lambda."
        return unknown(name, told, f"Enter the new address: {apply}")
    if url != wanted:
        there = "It calls nothing" if not url else "It calls another address"
        return broken(name, f"{there}, not this stack's {wanted}", f"Set it: {apply}")
    if method != "POST":
        return broken(name, f"It calls this stack by {method}, not by POST.", f"Set it: {apply}")
    return ok(name, "It calls this stack.")


def languages(service: Callable[[str], Resource], number: str, its: NumberSettings) -> Iterator[Finding]:
    """Whether who is greeted in a language is transcribed in it. It may be meant otherwise."""
    name, transcribed = f"{name_of(number)}: language", service(its.service_sid).get("language_code")
    if its.language == transcribed:
        yield ok(name, f"It is greeted and transcribed in {transcribed}.")
    else:
        yield unknown(
            name,
            f"It is greeted in {its.language}, and transcribed in {transcribed}.",
            "If that is not meant, give the number a Service in its language, or another language.",
        )
