"""The simulated Twilio: place a call, serve the REST API, look at what went wrong.

The demo and the tests start here; everything else in this package is behind it.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Literal

import httpx

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.call_parameters import of_recording
from callscribe_tools.simulator.caller_ids import WITHHELD_NUMBERS
from callscribe_tools.simulator.calls import CallRunner, Progress
from callscribe_tools.simulator.connect_to import ConnectTo
from callscribe_tools.simulator.deliveries import Deliveries
from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import CallFaults
from callscribe_tools.simulator.held import HeldDeliveries
from callscribe_tools.simulator.other_recordings import Kind, make
from callscribe_tools.simulator.phone_number import check_playable
from callscribe_tools.simulator.placing import placing
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.rest_account import AccountApi
from callscribe_tools.simulator.rest_api import build_app
from callscribe_tools.simulator.rest_faults import RestFaults
from callscribe_tools.simulator.rest_intelligence import IntelligenceApi
from callscribe_tools.simulator.rest_numbers import NumbersApi
from callscribe_tools.simulator.rest_operators import OperatorsApi
from callscribe_tools.simulator.rest_services import ServicesApi
from callscribe_tools.simulator.rest_voice import VoiceApi
from callscribe_tools.simulator.restrictions import check_takes_calls
from callscribe_tools.simulator.scenario import Scenario
from callscribe_tools.simulator.sdk_client import InProcessHttpClient
from callscribe_tools.simulator.server import serving
from callscribe_tools.simulator.state import Call, State, Transcript
from callscribe_tools.simulator.transcripts import Transcripts
from callscribe_tools.simulator.troubles import Troubles
from callscribe_tools.simulator.unknowns import Unknowns
from callscribe_tools.simulator.violations import SimulationError, Violation
from callscribe_tools.simulator.webhooks import DeliveryError, Webhooks
from callscribe_tools.simulator.worker import TranscriptionWorker

_LOOK_SECONDS = 0.05
"""How often to look whether all is done: nothing tells of all of it."""


class Simulator:
    """Twilio, for one account.

    Parameters
    ----------
    account:
        Credentials, numbers and Services; it may be filled in later.
    transport:
        Carries every request Twilio makes; by default each is refused.
    transcript_seconds:
        While served, a transcript completes by itself so many real seconds after its creation; None: only by
        `complete_transcripts`.
    """

    def __init__(
        self,
        account: Account,
        transport: httpx.BaseTransport | None = None,
        *,
        transcript_seconds: float | None = None,
    ) -> None:
        self.account = account
        self.unknowns = Unknowns()
        self.troubles = Troubles()
        self.state = State()
        self._transcript_seconds = transcript_seconds
        self._webhooks = Webhooks(account, self.state, transport or ConnectTo({}))
        self._record = FaultRecord(self.state)
        self._held = HeldDeliveries(self.state, self._record)
        self._deliveries = Deliveries(self._held, self._record)
        self._transcripts = Transcripts(
            account, self.state, self._webhooks, self._deliveries, self._record, self.unknowns, self.troubles
        )
        voice = VoiceApi(account, self.state, self.unknowns)
        intelligence = IntelligenceApi(account, self.state, self._transcripts, self.unknowns)
        resources = [
            *AccountApi(account).resources(),
            *NumbersApi(account, self.state).resources(),
            *voice.resources(),
            *intelligence.resources(),
            *ServicesApi(account, self.state).resources(),
            *OperatorsApi(account, self.state).resources(),
        ]
        faults = RestFaults(self.state, self._record, self.troubles)
        self.app = build_app(account, self.state, resources, self.troubles, faults, [placing(self)])

    @property
    def violations(self) -> list[Violation]:
        """Everything real Twilio would have refused or ignored so far."""
        return list(self.state.violations)

    def wait_longer(self, times: float) -> None:
        """Wait so many times as long as Twilio for the application's answers: for a machine that is busy."""
        self._webhooks.patience = times

    def check(self) -> None:
        """Make sure that real Twilio would have accepted everything.

        Raises
        ------
        SimulationError
            It lists what would have been refused or ignored.
        """
        violations = self.violations
        if violations:
            told = "\n".join(f"  {violation}" for violation in violations)
            raise SimulationError(f"Real Twilio would have refused or ignored:\n{told}")

    def http_client(self) -> InProcessHttpClient:
        """Make an HTTP client that plays this simulator in process for the official SDK."""
        return InProcessHttpClient(self.app)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve the REST API on loopback while the block runs, and give its base URL; port 0 is a free one."""
        seconds = self._transcript_seconds
        worker = (
            nullcontext() if seconds is None else TranscriptionWorker(self.state, self._transcripts, seconds).running()
        )
        # The worker ends first: its last webhook may let held ones go, and make the application ask this server.
        with serving(self.app, port) as base_url, self._held.running(), worker:
            yield base_url

    def place_call(
        self,
        scenario: Scenario,
        *,
        to: str,
        from_: str = "+12025550142",
        progress: Progress = lambda _: None,
        faults: CallFaults | None = None,
    ) -> Call:
        """Play a whole call, from dialling to the last callback, and return its record.

        `from_` may be anything that Twilio gives for a caller, as `client:alice`. If the scenario withholds the number,
        the call has what Twilio writes for that.

        Calls may be placed by many threads at a time. With `faults` some callbacks may be held back; they come later.

        Raises
        ------
        SimulationError
            The account has no such number, the number does not ask its voice URL by POST, or the application answered
            with what the simulator cannot play; or the account is not active, or would transcribe by itself.
        """
        number = self.account.numbers.get(to)
        if number is None:
            raise SimulationError(f"The account has no number {to}: add a PhoneNumber to it.")
        check_takes_calls(self.account)
        check_playable(number)
        if scenario.withheld is not None:
            from_ = WITHHELD_NUMBERS[scenario.withheld]
        call = Call(from_=from_, to=to, phone_number_sid=number.sid, scenario=scenario, faults=faults or CallFaults())
        with self.state.lock:
            self.state.calls[call.sid] = call
        runner = CallRunner(
            self.account, self.state, self._webhooks, self._deliveries, self._record, self.unknowns, call, progress
        )
        with self.state.working():
            runner.run()
        return call

    def make_other_recording(
        self, kind: Kind, *, callback_url: str | None, status: Literal["completed", "absent"] = "completed"
    ) -> Recording:
        """Make a recording that the application did not ask for, and tell it to `callback_url`; None tells nobody.

        It is as if the account had been told that URL elsewhere. A refusal is a violation.
        """
        from_ = next(iter(self.account.numbers), "+12025550199")
        recording = make(kind, self.state, from_=from_, status=status)
        if callback_url is not None:
            try:
                self._webhooks.post_form(callback_url, of_recording(self.account, recording))
            except DeliveryError as error:
                self.state.violations.append(Violation(error.code, error.text, callback_url))
        return recording

    def complete_transcripts(self) -> list[Transcript]:
        """Settle every transcript still open, but those that never end, and send their webhooks."""
        with self.state.lock:
            open_ones = [one for one in self.state.transcripts.values() if one.will_end]
        for transcript in open_ones:
            self._transcripts.settle(transcript)
        return open_ones

    def deliver_held(self) -> int:
        """Send every webhook that is held back by a fault, without waiting for its time, and say how many."""
        return self._held.deliver()

    @property
    def pending(self) -> int:
        """How much is still to come from Twilio's side, 0 when it is at rest.

        That is: calls that are being played, webhooks being sent or held, transcripts that have not ended and will,
        and operators' results that are late.
        """
        with self.state.lock:
            open_ones = [one for one in self.state.transcripts.values() if one.will_end or one.results_missing]
            return self.state.under_way + len(self._held) + len(open_ones)

    def wait_until_at_rest(self, seconds: float) -> bool:
        """Wait, so many seconds at most, until nothing more comes by itself, and say whether that is so.

        It comes by itself only while served, transcripts only with `transcript_seconds`.
        """
        deadline = time.monotonic() + seconds
        while self.pending:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def send_intelligence_event(self, service_sid: str, payload: Mapping[str, object]) -> None:
        """Post any event as the Service's webhook, signed or not as the account's are; a refusal is a violation.

        Raises
        ------
        SimulationError
            There is no such Service, or it has no webhook.
        """
        self._transcripts.send(service_sid, payload)

    def signed_form(self, url: str, params: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
        """Build headers and body of a form post as Twilio signs it; a fragment of the URL is not signed."""
        return self._webhooks.signed_form(url, params)

    def signed_json(self, url: str, payload: Mapping[str, object]) -> tuple[str, dict[str, str], bytes]:
        """Build the URL with bodySHA256, headers and body of a JSON post as Twilio signs it."""
        return self._webhooks.signed_json(url, payload)
