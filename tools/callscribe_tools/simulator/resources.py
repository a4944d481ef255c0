"""The JSON of Twilio's voice resources, complete enough for the official SDK to parse.

Pure: from what the simulator holds to what the REST API answers. Fields and the form of dates (RFC 2822) are those of
Twilio's OpenAPI description (twilio_api_v2010) and its examples; of `subresource_uris` only what the simulator has.
"""

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.phone_number import PhoneNumber, formatted
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.state import Call


def call_json(account: Account, call: Call) -> dict[str, Any]:
    """Twilio docs, Call resource."""
    uri = f"/2010-04-01/Accounts/{account.account_sid}/Calls/{call.sid}"
    ended = call.ended
    end = call.started + timedelta(seconds=call.seconds)
    return {
        "sid": call.sid,
        "account_sid": account.account_sid,
        "parent_call_sid": call.parent_call_sid,
        "phone_number_sid": call.phone_number_sid,
        "from": call.from_,
        "from_formatted": formatted(call.from_),
        "to": call.to,
        "to_formatted": formatted(call.to),
        "status": call.status,
        # "outbound-dial for calls initiated by a <Dial> verb".
        "direction": call.made_by or ("inbound" if call.parent_call_sid is None else "outbound-dial"),
        "date_created": format_datetime(call.started),
        "date_updated": format_datetime(end),
        "start_time": format_datetime(call.started),
        "end_time": format_datetime(end) if ended else None,
        "duration": str(call.seconds) if ended else None,
        "price": None,  # "may not be immediately available"; here it never is
        "price_unit": "USD",
        "answered_by": None,
        "api_version": "2010-04-01",
        "forwarded_from": "",
        "caller_name": "",
        "group_sid": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
    }


def recording_json(account: Account, recording: Recording) -> dict[str, Any]:
    """Twilio docs, Recordings resource."""
    uri = f"/2010-04-01/Accounts/{account.account_sid}/Recordings/{recording.sid}"
    ended = recording.started + timedelta(seconds=recording.duration)
    return {
        "sid": recording.sid,
        "account_sid": account.account_sid,
        "call_sid": recording.call_sid or None,
        "conference_sid": recording.conference_sid,
        "status": recording.status,
        "source": recording.source,
        "channels": recording.channels,
        # "-1" until there is one: assumed.
        "duration": str(recording.duration) if recording.status == "completed" else "-1",
        "start_time": format_datetime(recording.started),
        "date_created": format_datetime(recording.started),
        "date_updated": format_datetime(ended),
        "price": None,
        "price_unit": "USD",
        # "If status is failed"; that it tells of an absent one too is assumed.
        "error_code": recording.error_code or None,
        "encryption_details": _encryption_details() if recording.encrypted else None,
        "api_version": "2010-04-01",
        "uri": f"{uri}.json",
        "subresource_uris": {"transcriptions": f"{uri}/Transcriptions.json"},
        # "When stored externally, this is the full URL location of the media file"; the name there is assumed.
        "media_url": f"{recording.stored_at or 'https://api.twilio.com'}{uri}",
    }


def _encryption_details() -> dict[str, str]:
    """Twilio docs, "Voice Recording Encryption": names and forms are of the OpenAPI example, the values nobody's."""
    return {
        "encryption_public_key_sid": "CR" + "c" * 32,
        "encryption_cek": "bm9ib2R5J3Mga2V5",
        "encryption_iv": "bm9ib2R5J3M=",
    }


def call_recording_json(account: Account, recording: Recording) -> dict[str, Any]:
    """Twilio docs, Recordings subresource of a Call: with the track, without the media's address."""
    shown = recording_json(account, recording)
    del shown["media_url"], shown["subresource_uris"]
    uri = f"/2010-04-01/Accounts/{account.account_sid}/Calls/{recording.call_sid}/Recordings/{recording.sid}.json"
    return shown | {"uri": uri, "track": recording.track}


def number_json(account: Account, number: PhoneNumber) -> dict[str, Any]:
    """Twilio docs, IncomingPhoneNumber resource; what has nothing to do with calls is as of a US number just bought."""
    return {
        "sid": number.sid,
        "account_sid": account.account_sid,
        "phone_number": number.number,
        "friendly_name": number.friendly_name,
        "api_version": "2010-04-01",
        "origin": "twilio",
        "type": "local",
        "status": "in-use",
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
        "voice_receive_mode": "voice",
        # Which are empty and which null where there is nothing is the OpenAPI example's choice.
        "voice_url": number.voice_url or None,
        "voice_method": number.voice_method,
        "voice_fallback_url": number.voice_fallback_url or None,
        "voice_fallback_method": number.voice_fallback_method,
        "voice_caller_id_lookup": False,
        "voice_application_sid": number.voice_application_sid or "",
        "trunk_sid": number.trunk_sid,
        "status_callback": number.status_callback or "",
        "status_callback_method": number.status_callback_method,
        "sms_url": "",
        "sms_method": "POST",
        "sms_fallback_url": "",
        "sms_fallback_method": "POST",
        "sms_application_sid": "",
        "address_requirements": "none",
        "address_sid": None,
        "bundle_sid": None,
        "identity_sid": None,
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "date_created": format_datetime(number.created),
        "date_updated": format_datetime(number.updated),
        "uri": f"/2010-04-01/Accounts/{account.account_sid}/IncomingPhoneNumbers/{number.sid}.json",
    }
