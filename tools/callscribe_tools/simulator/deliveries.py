"""Hands a call's webhooks over to the application: as they should be, or as the call's faults say.

Calls and transcripts send through it everything whose answer means nothing but success. Requests for TwiML are not
among it: without their answers there is no call.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.held import HeldDeliveries
from callscribe_tools.simulator.state import Call

type What = Literal["recording callback", "call status", "transcript webhook"]

_LOST: dict[What, FaultKind] = {
    "recording callback": FaultKind.LOST_RECORDING_CALLBACK,
    "call status": FaultKind.LOST_CALL_STATUS,
    "transcript webhook": FaultKind.LOST_TRANSCRIPT_WEBHOOK,
}


@dataclass(frozen=True)
class Delivery:
    """One webhook of a call."""

    call: Call
    what: What
    send: Callable[[], None]
    """Sends it as usual: that the application did not take it is a violation."""
    send_nowhere: Callable[[], None]
    """Sends it to where nobody listens, with all the retries its URL asks for."""


class Deliveries:
    """The last step before the network."""

    def __init__(self, held: HeldDeliveries, record: FaultRecord) -> None:
        self._held = held
        self._record = record

    def hand_over(self, delivery: Delivery) -> None:
        """Send it; or lose it, misdirect it, keep it, or send it twice."""
        call, faults = delivery.call, delivery.call.faults
        if _LOST[delivery.what] in faults:
            self._record.happen(_LOST[delivery.what], call.sid)
        elif FaultKind.DEAD_URL in faults and delivery.what != "call status":
            with self._record.during(FaultKind.DEAD_URL, call.sid):
                delivery.send_nowhere()
        elif FaultKind.REORDERED_WEBHOOKS in faults:
            self._reorder(delivery)
        elif FaultKind.LATE_WEBHOOKS in faults:
            self._held.hold(call, FaultKind.LATE_WEBHOOKS, lambda: self._send(delivery))
        else:
            self._send(delivery)

    def _reorder(self, delivery: Delivery) -> None:
        if delivery.what != "call status":
            self._send(delivery)
        if delivery.what == "transcript webhook":
            self._held.release(delivery.call)
        else:
            self._held.hold(delivery.call, FaultKind.REORDERED_WEBHOOKS, lambda: self._send(delivery))

    def _send(self, delivery: Delivery) -> None:
        if FaultKind.DOUBLED_WEBHOOKS not in delivery.call.faults:
            delivery.send()
            return
        # At the same time, so that neither is done when the other begins. Each has an idempotency token of its own:
        # Twilio takes them for two (assumed).
        with self._record.during(FaultKind.DOUBLED_WEBHOOKS, delivery.call.sid), ThreadPoolExecutor(2) as threads:
            for sent in [threads.submit(delivery.send) for _ in range(2)]:
                sent.result()
