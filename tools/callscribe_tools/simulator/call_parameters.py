"""The form parameters of the requests Twilio makes during a call.

Twilio docs, "Twilio's request to your application", "Voice webhooks" and "TwiML <Record>". Blank values are sent
too: they are part of what is signed.
"""

from datetime import timedelta
from email.utils import format_datetime

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.state import Call

_PLACE = ("City", "State", "Zip", "Country")


def of_call(account: Account, call: Call) -> dict[str, str]:
    """Build what every request about a call carries."""
    params = {
        "CallSid": call.sid,
        "AccountSid": account.account_sid,
        "From": call.from_,
        "To": call.to,
        "Caller": call.from_,  # Caller and Called are older names, still sent (SDK test vectors)
        "Called": call.to,
        "CallStatus": call.status,
        "ApiVersion": "2010-04-01",
        "Direction": "inbound",
        "CallerName": "",
        "ForwardedFrom": "",
    }
    for side in ("From", "To", "Caller", "Called"):
        params |= {f"{side}{part}": "US" if part == "Country" else "" for part in _PLACE}
    return params


def of_ended_call(account: Account, call: Call) -> dict[str, str]:
    """Build the request to the number's status callback after the hang-up."""
    ended = call.started + timedelta(seconds=call.seconds)
    return of_call(account, call) | {
        "CallDuration": str(call.seconds),
        "Duration": str(-(-call.seconds // 60)),  # the billed minutes
        # The next three are documented for calls made through the API; that a number's callback has them is assumed.
        "Timestamp": format_datetime(ended),
        "SequenceNumber": "0",
        "CallbackSource": "call-progress-events",
    }


def of_action(account: Account, recording: Recording, digits: str | None) -> dict[str, str]:
    """Build what the action request of <Record> adds."""
    added = {
        "RecordingUrl": recording_url(account, recording),
        # Not in the documented table, but attested: a working flow of 2025 told its second request by it.
        "RecordingSid": recording.sid,
        "RecordingDuration": str(recording.duration),
    }
    # Without a key or a hang-up there is nothing to tell (that it is left out is assumed).
    return added if digits is None else added | {"Digits": digits}


def of_dial(account: Account, child: Call | None, recording: Recording | None) -> dict[str, str]:
    """Build what the action request of <Dial> adds.

    Twilio docs, TwiML <Dial>: "Request parameters" of the action. Without a child the call could not even be tried:
    that it is told as failed, without the child's SID, is assumed.
    """
    answered = child is not None and child.status == "completed"
    added = {"DialCallStatus": "failed" if child is None else child.status, "DialBridged": str(answered).lower()}
    if child is not None:
        added["DialCallSid"] = child.sid
    if child is not None and answered:
        added["DialCallDuration"] = str(child.seconds)
    if recording is not None and not recording.error_code:
        added["RecordingUrl"] = recording_url(account, recording)
    return added


def of_recording(account: Account, recording: Recording) -> dict[str, str]:
    """Build a recordingStatusCallback, in the order of two real captures of 2021 and 2023.

    That of a conference's recording has a ConferenceSid and no CallSid (Twilio docs, TwiML <Conference>).
    """
    whose = {"CallSid": recording.call_sid} if recording.call_sid else {"ConferenceSid": recording.conference_sid or ""}
    params = {
        "RecordingSource": recording.source,
        "RecordingSid": recording.sid,
        "RecordingUrl": recording_url(account, recording),
        "RecordingStatus": recording.status,
        "RecordingChannels": str(recording.channels),
        "ErrorCode": str(recording.error_code),
        **whose,
        "RecordingStartTime": format_datetime(recording.started),
        "AccountSid": account.account_sid,
    }
    if recording.status == "completed":  # "only when completed"
        params["RecordingDuration"] = str(recording.duration)
    if recording.source != "RecordVerb":  # the captures of <Record> carry no track
        params["RecordingTrack"] = recording.track
    return params


def recording_url(account: Account, recording: Recording) -> str:
    """Return the media's address, without an extension."""
    return f"https://api.twilio.com/2010-04-01/Accounts/{account.account_sid}/Recordings/{recording.sid}"
