"""Reads what `callscribe-sim` is told on its command line, and refuses what cannot be meant. `cli` uses it.

Each reader takes the text of one option and returns it, or its meaning; a mistake names what would be right.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import typer

from callscribe_tools.simulator.caller_ids import WITHHELD_NUMBERS
from callscribe_tools.simulator.connect_to import is_loopback
from callscribe_tools.simulator.other_recordings import WHAT_IS_RECORDED, Kind
from callscribe_tools.simulator.scenario import SCENARIOS, Scenario, load_scenario
from callscribe_tools.simulator.violations import ScenarioError

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def url(text: str | None) -> str | None:
    """Read the URL of a webhook.

    Raises
    ------
    BadParameter
        It has no host, or is neither of https nor of http.
    """
    if text is None:
        return None
    parsed = _parsed(text)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise typer.BadParameter(f"{text!r} is no URL: write it as http://127.0.0.1:8000/voice.")
    return text


def phone_number(text: str | None) -> str | None:
    """Read a number in E.164; None is none.

    Raises
    ------
    BadParameter
        It is none.
    """
    if text is not None and not _E164.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no number in E.164: write it as +12025550199.")
    return text


def caller(text: str) -> str:
    """Read who calls: a number in E.164, or why it is withheld.

    Raises
    ------
    BadParameter
        It is neither.
    """
    known = {str(word): number for word, number in WITHHELD_NUMBERS.items()}
    if text not in known and not _E164.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no number in E.164, as +12025550142, and none of {', '.join(known)}.")
    return known.get(text, text)


def recording_kind(text: str) -> Kind:
    """Read which recording is made.

    Raises
    ------
    BadParameter
        There is none of that name.
    """
    for kind in WHAT_IS_RECORDED:
        if kind == text:
            return kind
    raise typer.BadParameter(f"{text!r} is none of {', '.join(WHAT_IS_RECORDED)}.")


def scenario(text: str) -> Scenario:
    """Read a scenario by its name, or from a file.

    Raises
    ------
    BadParameter
        There is none, or it is wrong.
    """
    try:
        return load_scenario(text)
    except ScenarioError as error:
        raise typer.BadParameter(str(error)) from None


def scenario_name(text: str) -> str:
    """Read a scenario for another process on this machine: the name of a shipped one, or a file's whole path.

    Raises
    ------
    BadParameter
        There is none, or it is wrong.
    """
    scenario(text)
    return text if text in {path.stem for path in SCENARIOS.glob("*.yaml")} else str(Path(text).resolve())


def places(texts: Iterable[str]) -> dict[str, str]:
    """Read pairs such as `hooks.example.com=http://127.0.0.1:8000`.

    Raises
    ------
    BadParameter
        One is no such pair, or its place is not on this machine.
    """
    mapping = {}
    for text in texts:
        host, _, place = text.partition("=")
        parsed = _parsed(place)
        if not host or parsed.scheme not in {"http", "https"} or not is_loopback(parsed.host):
            raise typer.BadParameter(
                f"{text!r}: write HOST=http://127.0.0.1:PORT; only places on this machine can be named."
            )
        mapping[host] = place
    return mapping


def hosts(*urls: str | None) -> set[str]:
    """Collect the hosts that these URLs name."""
    return {httpx.URL(one).host for one in urls if one is not None}


def _parsed(text: str) -> httpx.URL:
    try:
        parsed, strict = httpx.URL(text), urlsplit(text)
        # httpx repairs what is no host, and lets ports pass that are none: the second of these raises for them.
        repaired, _ = parsed.host != (strict.hostname or ""), strict.port
    except (httpx.InvalidURL, ValueError):
        raise typer.BadParameter(f"{text!r} is no URL: write it as http://127.0.0.1:8000/voice.") from None
    if repaired:
        raise typer.BadParameter(f"{text!r} is no URL: nothing can have such a host.")
    return parsed
