"""Runs one inbound call on a virtual clock: requests TwiML, plays it, and sends what Twilio sends about it.

`Simulator.place_call` makes one for each call. It never sleeps; requests are made in the order of the call.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import urldefrag, urljoin

from callscribe_tools.simulator import call_parameters
from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.deliveries import Deliveries, Delivery, What
from callscribe_tools.simulator.dial_verb import DialVerb
from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.record_verb import end_of_record
from callscribe_tools.simulator.recorder import Recorder
from callscribe_tools.simulator.state import Call, State
from callscribe_tools.simulator.timeline import Caller, CallerHungUp, Line
from callscribe_tools.simulator.twiml import TwimlError, Verb, read_twiml
from callscribe_tools.simulator.unknowns import Unknowns
from callscribe_tools.simulator.violations import SimulationError, Violation
from callscribe_tools.simulator.webhooks import DeliveryError, Webhooks

type Progress = Callable[[str], None]

CHARACTERS_A_SECOND = 15  # assumed: how fast Twilio speaks
BEEP_SECONDS = 0.5  # assumed
# A <Record> without action requests its own document again: a flow that never ends is stopped here.
MAX_DOCUMENTS = 20


class _HungUp(Exception):  # noqa: N818  no error: the verb <Hangup>
    pass


class CallRunner:
    """One call from the first request to the last callback."""

    def __init__(
        self,
        account: Account,
        state: State,
        webhooks: Webhooks,
        deliveries: Deliveries,
        record: FaultRecord,
        unknowns: Unknowns,
        call: Call,
        progress: Progress,
    ) -> None:
        self._account = account
        self._state = state
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._call = call
        self._progress = progress
        self._number = account.numbers[call.to]
        self._line = Line(Caller(call.scenario.caller))
        callback = partial(self._hand_over, "recording callback")
        self._recorder = Recorder(account, state, call, self._line, unknowns, record, callback)
        self._dial_verb = DialVerb(account, state, call, self._line, self._recorder, progress)

    def run(self) -> None:
        """Play the whole call.

        Raises
        ------
        NotSimulatedError
            The application answered with something the simulator does not play.
        SimulationError
            The application's documents lead to each other without end, or it dials where nobody can be dialled.
        """
        self._progress(f"{self._call.from_} calls {self._call.to}")
        try:
            self._converse()
        except CallerHungUp:
            self._progress("the caller hangs up")
        except _HungUp:
            self._progress("Twilio hangs up")
        self._end()

    def _converse(self) -> None:
        url, verbs = self._first_document()
        for _ in range(MAX_DOCUMENTS):
            following = self._play(url, verbs)
            if following is None:
                return
            url, verbs = following
        raise SimulationError(
            f"{MAX_DOCUMENTS} TwiML documents in one call, the last {url}: give <Record> an action that ends."
        )

    def _first_document(self) -> tuple[str, list[Verb]]:
        params = call_parameters.of_call(self._account, self._call)
        document = self._request(self._number.voice_url, params)
        with self._state.lock:
            self._call.status = "in-progress"
        return document

    def _request(self, url: str, params: dict[str, str]) -> tuple[str, list[Verb]]:
        try:
            return self._fetch(url, params)
        except (DeliveryError, TwimlError) as error:
            self._refuse(error.code, error.text, url)
            fallback = self._number.voice_fallback_url
            if fallback is None:
                raise _HungUp from error  # "an application error has occurred"
            self._progress(f"error {error.code}: Twilio asks the fallback URL")
            # Twilio docs: the fallback request carries ErrorCode and ErrorUrl.
            return self._request_fallback(fallback, params | {"ErrorCode": error.code, "ErrorUrl": urldefrag(url).url})

    def _request_fallback(self, url: str, params: dict[str, str]) -> tuple[str, list[Verb]]:
        try:
            return self._fetch(url, params)
        except (DeliveryError, TwimlError) as error:
            self._refuse(error.code, error.text, url)
            raise _HungUp from error

    def _fetch(self, url: str, params: dict[str, str]) -> tuple[str, list[Verb]]:
        response = self._webhooks.post_form(url, params)
        return url, read_twiml(response, urldefrag(url).url, self._state.violations)

    def _play(self, url: str, verbs: list[Verb]) -> tuple[str, list[Verb]] | None:
        """Play verb after verb; a <Record> that was heard, or a <Dial>, goes on with another document."""
        going_on = {"Record": self._record, "Dial": self._dial}
        for verb in verbs:
            self._line.wait(0)  # who has hung up by now is not recorded any more
            if verb.name not in going_on:
                self._perform(verb, url)
                continue
            following = going_on[verb.name](verb, url)
            if following is not None:
                return following
        # The end of a document ends the call: nothing is left to do.
        self._line.caller.hear("greeting", self._line.now)
        return None

    def _perform(self, verb: Verb, url: str) -> None:
        match verb.name:
            case "Say":
                self._say(verb)
            case "Pause":
                self._line.wait(verb.whole("length", 1))
            case "Start":
                self._start(verb, url)
            case "Stop":
                self._stop(verb, url)
            case "Hangup":
                raise _HungUp

    def _say(self, verb: Verb) -> None:
        for _ in range(verb.whole("loop", 1)):
            self._progress(f"Twilio says: {verb.text}")
            with self._state.lock:
                self._call.said.append(verb.text)
            self._line.say(verb.text, len(verb.text) / CHARACTERS_A_SECOND)

    def _start(self, verb: Verb, url: str) -> None:
        for noun in verb.nouns:
            name = noun.attributes.get("name")
            if self._recorder.runs(name):  # TwiML <Recording>: the name is unique within the call
                self._refuse("recording", f"a recording named {name!r} is running already", url)
                continue
            recording = self._recorder.start(noun, url)
            self._progress(
                f"<Recording> {recording.sid} starts, in {'two channels' if recording.channels == 2 else 'one channel'}"
            )

    def _stop(self, verb: Verb, url: str) -> None:
        for noun in verb.nouns:
            name = noun.attributes.get("name")
            if name is not None and self._recorder.runs(name):
                self._recorder.stop(name)
            else:
                self._refuse("recording", f"<Stop><Recording name={name!r}>: no such recording is running", url)

    def _record(self, verb: Verb, url: str) -> tuple[str, list[Verb]] | None:
        line = self._line
        line.caller.hear("greeting", line.now)
        if verb.attributes.get("playBeep", "true") == "true":
            line.say("", BEEP_SECONDS)
        line.caller.hear("beep", line.now)
        recording = self._recorder.start(verb, url)
        line.now, digits = end_of_record(verb, line.caller, line.now)
        self._recorder.end(recording)
        self._progress(f"<Record> has heard {recording.seconds:.1f} s")
        if recording.error_code:
            # An empty recording makes no action request (older <Record> page); the next verb is played.
            if digits == "hangup":
                raise CallerHungUp
            return None
        added = call_parameters.of_action(self._account, recording, digits)
        # Without an action the current document is requested again.
        action = urljoin(url, verb.attributes.get("action", url))
        return self._action(action, added, hung_up=digits == "hangup")

    def _dial(self, verb: Verb, url: str) -> tuple[str, list[Verb]] | None:
        line = self._line
        line.caller.hear("greeting", line.now)
        dialled = self._dial_verb.play(verb, url)
        action = verb.attributes.get("action")
        if action is None:
            # "If you do not provide an action URL ... Twilio will continue to render the original TwiML document."
            self._recorder.deliver()
            return None
        # "When the <Dial> call ends": whoever has hung up.
        added = call_parameters.of_dial(self._account, dialled.child, dialled.recording)
        return self._action(urljoin(url, action), added, hung_up=dialled.hung_up)

    def _action(self, action: str, added: dict[str, str], *, hung_up: bool) -> tuple[str, list[Verb]]:
        if hung_up:
            with self._state.lock:
                self._call.status = "completed"
        params = call_parameters.of_call(self._account, self._call) | added
        document = self._request(action, params)
        self._recorder.deliver()
        if hung_up:
            # That TwiML can do nothing for a caller who is gone is inferred from the documentation.
            raise CallerHungUp
        return document

    def _end(self) -> None:
        self._recorder.end_all()
        with self._state.lock:
            self._call.status = "completed"
            self._call.seconds = max(1, round(self._line.now))
        if FaultKind.RECORDING_DELETED in self._call.faults:
            self._recorder.delete_all()
        waits_for = self._line.caller.waits_for
        if waits_for is not None:
            self._progress(f"the caller never heard the {waits_for}, and did not play the rest of the scenario")
        if self._number.status_callback is not None:
            params = call_parameters.of_ended_call(self._account, self._call)
            self._hand_over("call status", self._number.status_callback, params)
        # Recordings take a moment to be ready: after the status callback (assumed).
        self._recorder.deliver()
        self._progress(f"the call has ended after {self._call.seconds} s of simulated time")

    def _hand_over(self, what: What, url: str, params: dict[str, str]) -> None:
        send, nowhere = partial(self._send, url, params), partial(self._send_nowhere, url, params)
        self._deliveries.hand_over(Delivery(self._call, what, send, nowhere))

    def _send_nowhere(self, url: str, params: dict[str, str]) -> None:
        with suppress(DeliveryError):
            self._webhooks.post_form(url, params, nowhere=True)

    def _send(self, url: str, params: dict[str, str]) -> None:
        """Send a callback whose answer means nothing but success."""
        try:
            response = self._webhooks.post_form(url, params)
        except DeliveryError as error:
            self._refuse(error.code, error.text, url)
            return
        if response.content and "content-type" not in response.headers:
            # Error 11200 names a missing Content-Type; that an empty answer needs none is assumed.
            self._refuse("11200", "an answer without Content-Type", url)

    def _refuse(self, code: str, text: str, where: str) -> None:
        self._state.violations.append(Violation(code, text, where))
