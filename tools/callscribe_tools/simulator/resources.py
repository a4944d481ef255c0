"""The JSON of Twilio's resources, complete enough for the official SDK to parse.

Pure: from what the simulator holds to what the REST API answers. Dates are RFC 2822 on api.twilio.com and
ISO 8601 on intelligence.twilio.com.
"""

from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from callscribe_tools.simulator.account import Account, IntelligenceService
from callscribe_tools.simulator.scenario import OperatorResult
from callscribe_tools.simulator.state import Call, Recording, Transcript
from callscribe_tools.simulator.timeline import Sound

INTELLIGENCE = "https://intelligence.twilio.com"


def call_json(account: Account, call: Call) -> dict[str, Any]:
    """Twilio docs, Call resource."""
    uri = f"/2010-04-01/Accounts/{account.account_sid}/Calls/{call.sid}"
    ended = call.status == "completed"
    end = call.started + timedelta(seconds=call.seconds)
    return {
        "sid": call.sid,
        "account_sid": account.account_sid,
        "parent_call_sid": None,
        "phone_number_sid": call.phone_number_sid,
        "from": call.from_,
        "from_formatted": _formatted(call.from_),
        "to": call.to,
        "to_formatted": _formatted(call.to),
        "status": call.status,
        "direction": "inbound",
        "date_created": format_datetime(call.started),
        "date_updated": format_datetime(end),
        "start_time": format_datetime(call.started),
        "end_time": format_datetime(end) if ended else None,
        "duration": str(call.seconds) if ended else None,
        "price": None,
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
        "call_sid": recording.call_sid,
        "conference_sid": None,
        "status": recording.status,
        "source": recording.source,
        "channels": recording.channels,
        "duration": str(recording.duration) if recording.status == "completed" else "-1",
        "start_time": format_datetime(recording.started),
        "date_created": format_datetime(recording.started),
        "date_updated": format_datetime(ended),
        "price": None,
        "price_unit": "USD",
        "error_code": recording.error_code or None,
        "encryption_details": None,
        "api_version": "2010-04-01",
        "uri": f"{uri}.json",
        "subresource_uris": {"transcriptions": f"{uri}/Transcriptions.json"},
        "media_url": f"https://api.twilio.com{uri}",
    }


def transcript_json(
    account: Account, transcript: Transcript, recording: Recording | None, *, echo_channel: bool
) -> dict[str, Any]:
    """Twilio docs, Conversational Intelligence Transcript resource."""
    url = f"{INTELLIGENCE}/v2/Transcripts/{transcript.sid}"
    done = transcript.status == "completed" and recording is not None
    return {
        "account_sid": account.account_sid,
        "service_sid": transcript.service_sid,
        "sid": transcript.sid,
        "date_created": _iso(transcript.created),
        "date_updated": _iso(transcript.updated),
        "status": transcript.status,
        "channel": transcript.channel if echo_channel else {},
        "data_logging": False,
        "language_code": transcript.language_code,
        "customer_key": transcript.customer_key,
        "media_start_time": _iso(transcript.media_start_time) if transcript.media_start_time else None,
        "duration": recording.duration if recording is not None and done else 0,
        "url": url,
        "redaction": False,
        "encryption_credential_sid": None,
        "links": {
            "sentences": f"{url}/Sentences",
            "media": f"{url}/Media",
            "operator_results": f"{url}/OperatorResults",
        },
    }


def sentences_json(recording: Recording) -> list[dict[str, Any]]:
    """Twilio docs, Transcript Sentence: one for each utterance; times are strings of decimal seconds."""
    speech = [sound for sound in recording.sounds if sound.text]
    return [_sentence(recording, index, sound) for index, sound in enumerate(speech)]


def _sentence(recording: Recording, index: int, sound: Sound) -> dict[str, Any]:
    return {
        "media_channel": recording.channel_of(sound),
        "sentence_index": index,
        "start_time": f"{sound.start:.2f}",
        "end_time": f"{sound.end:.2f}",
        "transcript": sound.text,
        # The same on every read: a SID out of the recording's.
        "sid": f"GX{recording.sid[2:-4]}{index:04x}",
        "confidence": "0.95",
        "words": None,
    }


def operator_result_json(
    transcript: Transcript, service: IntelligenceService, result: OperatorResult
) -> dict[str, Any]:
    """Build a result as a real run of December 2025 printed it: null, {} and [] where it has nothing to say."""
    operator_sid = service.operators[result.name]
    return {
        "operator_type": result.operator_type,
        "name": result.name,
        "operator_sid": operator_sid,
        "extract_match": None,
        "match_probability": None,
        "normalized_result": None,
        "utterance_results": [],
        "utterance_match": None,
        "predicted_label": result.predicted_label,
        "predicted_probability": result.predicted_probability,
        "label_probabilities": result.label_probabilities,
        "extract_results": {},
        "text_generation_results": result.text_generation_results,
        "json_results": result.json_results,
        "transcript_sid": transcript.sid,
        "url": f"{INTELLIGENCE}/v2/Transcripts/{transcript.sid}/OperatorResults/{operator_sid}",
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _formatted(number: str) -> str:
    digits = number.removeprefix("+1")
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else number
