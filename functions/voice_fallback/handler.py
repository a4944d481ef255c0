"""`incoming_call` did not answer: greet the caller and record all the same.

Trigger: POST /voice-fallback and /voice-fallback/recorded, the fallback address of a number that version 0.1.0 has
wired. `callscribe setup apply` enters the address of FallbackApi, which needs no function. This function has neither
the layer nor a secret, so it cannot tell Twilio from a stranger: everybody gets one of the same two documents, which
reveal nothing. It stores nothing. docs/decisions/0026 says when it is removed.
"""

from collections.abc import Mapping
from typing import Any

RECORDED_PATH = "/voice-fallback/recorded"

# Addresses are relative to the one that Twilio has just requested. The status callback is for when the rest works again
# by then. Mono, by <Record> alone, because the fewest verbs are the safest.
RECORD = f"""<?xml version="1.0" encoding="UTF-8"?>
<Response>\
<Say>This call is recorded. Please speak after the beep.</Say>\
<Record action="{RECORDED_PATH}" timeout="5" maxLength="120" \
recordingStatusCallback="/ci-create-transcript#rc=3&amp;rp=5xx,ct,rt" recordingStatusCallbackEvent="completed absent"/>\
<Hangup/>\
</Response>"""
HANG_UP = """<?xml version="1.0" encoding="UTF-8"?>
<Response><Say>Thank you. Goodbye.</Say><Hangup/></Response>"""


def handler(event: object, _context: object) -> dict[str, Any]:
    """Answer with TwiML."""
    path = event.get("rawPath") if isinstance(event, Mapping) else None
    return {
        "statusCode": 200,
        "headers": {"content-type": "text/xml; charset=utf-8"},
        "body": HANG_UP if path == RECORDED_PATH else RECORD,
    }
