"""Reads a TwiML document as strictly as Twilio, and tells what Twilio would ignore in it.

`CallRunner` plays what comes out. It makes no request and moves no clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

import httpx

from callscribe.domain import voices
from callscribe_tools.simulator.twiml_schema import NOT_SIMULATED, NOUNS, VERBS, Attribute
from callscribe_tools.simulator.violations import NotSimulatedError, Violation, Violations

MAX_BYTES = 64 * 1024


class TwimlError(Exception):
    """Twilio cannot use the document: the call goes to the fallback URL or ends."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Verb:
    """One verb with the attributes Twilio understands, all others left out."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    nouns: "tuple[Verb, ...]" = ()

    def whole(self, attribute: str, default: int) -> int:
        """Read a whole number."""
        return int(self.attributes.get(attribute, default))


def read_twiml(response: httpx.Response, where: str, violations: Violations) -> list[Verb]:
    """Read the verbs of an answer; what Twilio would ignore is appended to `violations`.

    Raises
    ------
    TwimlError
        12300 no TwiML content type, 11750 over 64 kB, 12100 no well-formed XML, 12102 another root.
    NotSimulatedError
        The document is fine, but the simulator does not play one of its verbs.
    """
    return _Reader(where, violations).verbs(_root(response))


def _root(response: httpx.Response) -> ElementTree.Element:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Error 12300. Twilio plays audio and reads text/plain aloud; from this project either is a mistake.
    if content_type not in {"text/xml", "application/xml"}:
        raise TwimlError("12300", f"Content-Type {content_type or '(none)'} is not text/xml")
    if len(response.content) > MAX_BYTES:  # error 11750
        raise TwimlError("11750", f"the TwiML has {len(response.content)} bytes, more than {MAX_BYTES}")
    try:
        root = ElementTree.fromstring(response.content)  # noqa: S314  see the import
    except ElementTree.ParseError as error:
        raise TwimlError("12100", f"document parse failure: {error}") from error
    if root.tag != "Response":
        raise TwimlError("12102", f"the root element is <{root.tag}>, not <Response>")
    return root


class _Reader:
    def __init__(self, where: str, violations: Violations) -> None:
        self._where = where
        self._violations = violations

    def verbs(self, root: ElementTree.Element) -> list[Verb]:
        verbs = [self._verb(element) for element in root if self._known(element, VERBS)]
        # A <Say> that Twilio refuses is a warning: assumed to be skipped, with all else done.
        return [verb for verb in verbs if verb.name != "Say" or self._is_spoken(verb)]

    def _verb(self, element: ElementTree.Element) -> Verb:
        verb = Verb(
            element.tag,
            self._attributes(element, VERBS[element.tag]),
            (element.text or "").strip(),
            tuple(self._nouns(element)),
        )
        if verb.name == "Dial":
            _check_dial(verb)
        if verb.attributes.get("transcribe") == "true":
            raise NotSimulatedError("<Record transcribe> is real TwiML, but the simulator does not play it.")
        return verb

    def _nouns(self, element: ElementTree.Element) -> list[Verb]:
        known = NOUNS.get(element.tag, {})
        if element.tag == "Say" and len(element):
            raise NotSimulatedError("SSML inside <Say> is real TwiML, but the simulator does not speak it.")
        return [
            Verb(noun.tag, self._attributes(noun, known[noun.tag]), (noun.text or "").strip())
            for noun in element
            if self._known(noun, known)
        ]

    def _known(self, element: ElementTree.Element, known: Mapping[str, object]) -> bool:
        if element.tag in known:
            return True
        if element.tag in NOT_SIMULATED:
            raise NotSimulatedError(
                f"<{element.tag}> is real TwiML, but the simulator does not play it: see twiml_schema.py."
            )
        self._refuse("12200", f"<{element.tag}> is no TwiML here: ignored by Twilio")
        return False

    def _attributes(self, element: ElementTree.Element, known: Mapping[str, Attribute]) -> dict[str, str]:
        kept = {}
        for name, value in element.attrib.items():
            if name not in known:
                # Warning 12200, schema validation.
                self._refuse("12200", f"{name} is not a TwiML attribute of <{element.tag}>: ignored by Twilio")
            elif not known[name].holds(value):
                # That the default is used instead is assumed.
                allowed = known[name].allowed
                self._refuse("12200", f"<{element.tag} {name}={value!r}> is not {allowed}: ignored by Twilio")
            elif value == "GET":
                raise NotSimulatedError(f"<{element.tag} {name}='GET'> is real TwiML, but the simulator only posts.")
            else:
                kept[name] = value
        return kept

    def _is_spoken(self, say: Verb) -> bool:
        """Whether Twilio speaks it; why not is a violation."""
        if say.attributes.get("loop") == "0":
            raise NotSimulatedError("<Say loop='0'> repeats until the caller hangs up: it is not simulated.")
        voice, language = say.attributes.get("voice"), say.attributes.get("language")
        refused = list(_unspoken(say.text, voice, language))
        for code, text in refused:
            self._refuse(code, text)
        return not refused

    def _refuse(self, code: str, text: str) -> None:
        self._violations.append(Violation(code, text, self._where))


def _check_dial(dial: Verb) -> None:
    if len(dial.nouns) + bool(dial.text) > 1:
        raise NotSimulatedError("<Dial> with several numbers is real TwiML, but the simulator dials one.")
    for name in {name for number in dial.nouns for name in number.attributes}:
        raise NotSimulatedError(f"<Number {name}> is real TwiML, but the simulator does not play it.")


def _unspoken(text: str, voice: str | None, language: str | None) -> Iterator[tuple[str, str]]:
    """Say why Twilio does not speak a text, by the codes of its warnings."""
    if not text:
        yield "13520", "the text of <Say> is empty"
    elif voices.is_blank(text):
        # Assumed: Twilio calls a text invalid that is empty or cannot be parsed.
        yield "13520", "the text of <Say> is blank: it has nothing to speak"
    if refusal := voices.refusal(voice, language):
        yield "13511", f"<Say>: {refusal}"
    if refusal := voices.length_refusal(text, voice):
        yield "13521", f"<Say> element character limits exceeded: {refusal}"
