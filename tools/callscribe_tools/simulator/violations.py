"""What real Twilio would have refused or ignored, and the simulator's errors.

SimulationError            the simulation cannot go on, or its check failed
├── NotSimulatedError      real Twilio may well accept this; the simulator does not play it
├── UnmappedHostError      a request would have gone to a machine that nobody has named
├── PortTakenError         the REST API cannot be served where it should be
└── ScenarioError          a scenario file is wrong
"""

from dataclasses import dataclass

_TWIML = "Remove it, or write it as https://www.twilio.com/docs/voice/twiml has it."
_REST = "Correct the request: the answer's message says what is wrong with it."
_ADVICE = {
    "11100": "Correct the URL: it needs a scheme, a host, and a port below 65536.",
    "11200": "Answer 2xx, with a Content-Type, within 15 seconds: look at the application's log for what went wrong.",
    "11205": "Start the application, and compare the URL with the host, the port and the certificate it has.",
    "11750": "Send less than 64 kB of TwiML.",
    "12100": "Send well-formed XML: build it with the SDK's twiml module, or escape &, < and >.",
    "12102": "Put all verbs into one <Response>.",
    "12200": _TWIML,
    "12300": "Send the header Content-Type: text/xml.",
    "13214": "Use one of the account's numbers as callerId; leave it out only where the caller has a number.",
    "13223": "Write the number in E.164, as +12025550123.",
    "13511": "Choose a voice that speaks the language: https://www.twilio.com/docs/voice/twiml/say/text-speech.",
    "13520": "Put text into <Say>, or leave the verb out.",
    "20001": _REST,
    "20003": "Use the account SID with the auth token, or the API key with its secret, as the simulator printed them.",
    "20404": _REST,
    "95102": "Ask for a transcript only once the recording's status is completed.",
    "95109": "Ask for no transcript of a recording under two seconds.",
    "95114": "Ask for no transcript of a recording over eight hours.",
    "95200": "Answer the Intelligence webhook 2xx: look at the application's log for what went wrong.",
    "http": "Use https: what Twilio sends tells who calls, and the signature does not hide it.",
    "overrides": "Correct the URL's fragment: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.",
    "webhook": "Set the Service's WebhookHttpMethod to POST.",
    "recording": "Give each running recording a name of its own, and stop it by that name.",
}


class SimulationError(Exception):
    """The simulation cannot go on, or what it saw is not what real Twilio accepts."""


class NotSimulatedError(SimulationError):
    """Real Twilio may accept this; the simulator does not know how to play it."""


class UnmappedHostError(SimulationError):
    """A request was meant for a host that is neither on this machine nor named as reachable."""


class PortTakenError(SimulationError):
    """The REST API cannot be served on the wanted port."""


class ScenarioError(SimulationError):
    """A scenario file cannot be found or does not follow its model."""


@dataclass(frozen=True)
class Violation:
    """One thing real Twilio would have refused or ignored."""

    code: str
    """Twilio's error code where one is documented, else a word."""
    text: str
    where: str
    """The URL or the place in the TwiML it was seen at."""

    @property
    def advice(self) -> str:
        """What to do about it, for the developer of the application."""
        if self.code in _ADVICE:
            return _ADVICE[self.code]
        # Words are the simulator's own, and their text says it all.
        return f"See https://www.twilio.com/docs/api/errors/{self.code}." if self.code.isdecimal() else "See above."

    def __str__(self) -> str:
        return f"[{self.code}] {self.text} ({self.where})"


type Violations = list[Violation]
