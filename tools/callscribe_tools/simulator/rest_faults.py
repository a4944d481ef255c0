"""What goes wrong with the REST requests about a call, as the call's faults say; and with lists of a whole account.

`rest_api` asks after it has authenticated a request and before it does the work.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from itertools import chain

from starlette.requests import Request
from starlette.responses import Response

from callscribe_tools.simulator.api_errors import ApiError, not_found
from callscribe_tools.simulator.endless_lists import continues, leads_to_itself, without_rows
from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import REST_FAULTS, FaultKind, Target
from callscribe_tools.simulator.state import Call, State
from callscribe_tools.simulator.troubles import Troubles, refusal, throttling, unavailability
from callscribe_tools.simulator.wire import wire_of

_SID = re.compile(r"(?:CA|RE|GT)[0-9a-f]{32}")
_BASE, _ONE = r"/2010-04-01/Accounts/\w+", r"\w{34}"
_LISTS = re.compile(rf"{_BASE}/(?:Calls|Recordings)\.json|/v2/Transcripts")
_TARGETS = {
    (method, re.compile(path)): target
    for method, path, target in (
        # A list counts as reading what it lists; one of a whole account belongs to no call.
        ("GET", rf"{_BASE}/Calls(?:/{_ONE})?\.json", Target.READ_CALL),
        ("GET", rf"{_BASE}/(?:Calls/{_ONE}/)?Recordings(?:/{_ONE})?\.json", Target.READ_RECORDING),
        ("POST", r"/v2/Transcripts", Target.CREATE_TRANSCRIPT),
        ("GET", rf"/v2/Transcripts(?:/{_ONE})?", Target.READ_TRANSCRIPT),
        ("GET", rf"/v2/Transcripts/{_ONE}/Sentences", Target.READ_SENTENCES),
        ("GET", rf"/v2/Transcripts/{_ONE}/OperatorResults(?:/{_ONE})?", Target.READ_OPERATOR_RESULTS),
    )
}
_NAMING = ("CallSid", "ParentCallSid", "SourceSid")
_REFUSALS: dict[FaultKind, Callable[[], Response]] = {
    FaultKind.THROTTLED: lambda: throttling(retry_after=1),
    FaultKind.THROTTLED_SILENTLY: lambda: throttling(retry_after=None),
    FaultKind.SERVER_ERROR: lambda: refusal(ApiError(500, 20500, "Internal Server Error")),
    FaultKind.UNAVAILABLE: unavailability,
}


class RestFaults:
    """Decides which requests fail, and fails them."""

    def __init__(self, state: State, record: FaultRecord, troubles: Troubles) -> None:
        self._state = state
        self._record = record
        self._troubles = troubles
        self._lists = 0
        self._lists_that_end = 0
        self._operators = 0
        self._met: Counter[tuple[str, FaultKind]] = Counter()

    async def answer(self, request: Request, form: dict[str, str], work: Callable[[], Response]) -> Response:
        """Answer a request by the work it asks for, or as something goes wrong with it."""
        query = dict(request.query_params)
        if self._is_every_nth_list(request, query):
            self._record.happen_to_all(FaultKind.UNAVAILABLE)
            return unavailability()
        if self._are_operators_forbidden(request):
            return refusal(ApiError(403, 20003, "Permission Denied"))
        if self._is_service_missing(request):
            return refusal(not_found(request.url.path))
        if continues(query):
            return without_rows(request.url.path, query, work())
        if self._has_no_end(request, query):
            return self._endless(request, query, work())
        call = self._call(request.url.path, query, form)
        kind = None if call is None else self._next_fault(call, request)
        if call is None or kind is None:
            return work()
        with self._record.during(kind, call.sid):
            return await self._fail(kind, call, request, work)

    async def _fail(self, kind: FaultKind, call: Call, request: Request, work: Callable[[], Response]) -> Response:
        if kind in _REFUSALS:
            return _REFUSALS[kind]()
        if kind is FaultKind.CONNECTION_RESET:
            await wire_of(request).reset(request)
            return Response(status_code=500)  # nobody is there to read it
        answer = work()
        await wire_of(request).stall(request, call.faults.pace.timeout_seconds)
        return answer

    def _are_operators_forbidden(self, request: Request) -> bool:
        every = self._troubles.forbid_operators_every
        if every is None or (request.method, request.url.path) != ("GET", "/v2/Operators"):
            return False
        with self._state.lock:
            self._operators += 1
            forbidden = self._operators % every == 0
            self._troubles.operators_forbidden += forbidden
            return forbidden

    def _is_service_missing(self, request: Request) -> bool:
        troubles = self._troubles
        is_read = (request.method, request.url.path) == ("GET", f"/v2/Services/{troubles.missing_service}")
        return is_read and time.time() < troubles.service_restored

    def _has_no_end(self, request: Request, query: dict[str, str]) -> bool:
        every = self._troubles.endless_lists_every
        if every is None or not _is_list_of_all(request, query):
            return False
        with self._state.lock:
            self._lists_that_end += 1
            return self._lists_that_end % every == 0

    def _endless(self, request: Request, query: dict[str, str], page: Response) -> Response:
        with self._state.lock:
            self._troubles.endless_lists += 1
            to_itself = self._troubles.endless_lists % 2 == 1
        # To whom it waits for, a list that does not come is one that does not come.
        self._record.happen_to_all(FaultKind.UNAVAILABLE)
        if to_itself:
            return leads_to_itself(request.url.path, request.url.query, page)
        return without_rows(request.url.path, query, page)

    def _is_every_nth_list(self, request: Request, query: dict[str, str]) -> bool:
        every = self._troubles.fail_lists_every
        if every is None or not _is_list_of_all(request, query):
            return False
        with self._state.lock:
            self._lists += 1
            return self._lists % every == 0

    def _next_fault(self, call: Call, request: Request) -> FaultKind | None:
        faults = call.faults
        if _target_of(request) is not faults.target:
            return None
        with self._state.lock:
            for kind in REST_FAULTS:
                if kind in faults and self._met[call.sid, kind] < faults.times:
                    self._met[call.sid, kind] += 1
                    return kind
        return None

    def _call(self, path: str, query: dict[str, str], form: dict[str, str]) -> Call | None:
        """Find the call that a request is about: its path, its filters or the channel to transcribe name it."""
        told = (path, *(query.get(name, "") for name in _NAMING), form.get("Channel", ""))
        with self._state.lock:
            for sid in chain.from_iterable(map(_SID.findall, told)):
                call = self._call_of(sid)
                if call is not None:
                    return call
        return None

    def _call_of(self, sid: str) -> Call | None:
        state = self._state
        transcript = state.transcripts.get(sid)
        if transcript is not None:
            return transcript.call
        recording = state.recordings.get(sid)
        call = state.calls.get(sid) if recording is None else state.call_of(recording)
        # Of a leg that was dialled, what goes wrong stands with its parent.
        return call if call is None or call.parent_call_sid is None else state.calls.get(call.parent_call_sid)


def _is_list_of_all(request: Request, query: dict[str, str]) -> bool:
    named = query.keys() & set(_NAMING)
    return request.method == "GET" and _LISTS.fullmatch(request.url.path) is not None and not named


def _target_of(request: Request) -> Target | None:
    for (method, path), target in _TARGETS.items():
        if request.method == method and path.fullmatch(request.url.path):
            return target
    return None
