"""The JSON of Conversational Intelligence's resources, complete enough for the official SDK to parse.

Pure: from what the simulator holds to what the REST API answers. Fields and addresses are those of Twilio's OpenAPI
description (twilio_intelligence_v2); dates are ISO 8601.
"""

from datetime import datetime
from typing import Any

from callscribe_tools.simulator.account import Account, IntelligenceService
from callscribe_tools.simulator.content import Content, Sentence
from callscribe_tools.simulator.language_operators import Operator
from callscribe_tools.simulator.redaction import redact
from callscribe_tools.simulator.scenario import OperatorResult
from callscribe_tools.simulator.state import Transcript

INTELLIGENCE = "https://intelligence.twilio.com"


def service_json(account: Account, service: IntelligenceService) -> dict[str, Any]:
    """Twilio docs, Intelligence Service."""
    return {
        "account_sid": account.account_sid,
        "sid": service.sid,
        "friendly_name": service.friendly_name,
        "unique_name": service.unique_name,
        "language_code": service.language_code,
        "auto_transcribe": service.auto_transcribe,
        "auto_redaction": service.auto_redaction,
        "media_redaction": service.media_redaction,
        "data_logging": service.data_logging,
        "webhook_url": service.webhook_url,
        "webhook_http_method": service.webhook_http_method,
        "read_only_attached_operator_sids": list(service.operator_sids),
        "version": service.version,
        "encryption_credential_sid": service.encryption_credential_sid,
        "date_created": _iso(service.created),
        "date_updated": _iso(service.updated),
        "url": f"{INTELLIGENCE}/v2/Services/{service.sid}",
    }


def operator_json(account: Account, operator: Operator, path: str) -> dict[str, Any]:
    """Twilio docs, Operator resource, and Custom and Pre-built Operator, which differ in their address alone."""
    return {
        "account_sid": account.account_sid,
        "sid": operator.sid,
        "friendly_name": operator.friendly_name,
        "description": operator.description,
        "author": account.account_sid if operator.custom else "twilio",
        "operator_type": operator.operator_type,
        "version": operator.version,
        "availability": operator.availability,
        # "Will be empty for Pre-Built Operators."
        "config": operator.config or {},
        "date_created": _iso(operator.created),
        "date_updated": _iso(operator.updated),
        "url": f"{INTELLIGENCE}{path}/{operator.sid}",
    }


def transcript_json(
    account: Account,
    transcript: Transcript,
    content: Content | None,
    *,
    echo_channel: bool,
    tells_encryption: bool = True,
) -> dict[str, Any]:
    """Twilio docs, Conversational Intelligence Transcript resource; `content`: None before it is completed."""
    url = f"{INTELLIGENCE}/v2/Transcripts/{transcript.sid}"
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
        "duration": 0 if content is None else content.seconds,
        "url": url,
        "redaction": transcript.redaction,
        "encryption_credential_sid": transcript.encryption_credential_sid if tells_encryption else None,
        "links": {
            "sentences": f"{url}/Sentences",
            "encrypted_sentences": f"{url}/Sentences/Encrypted",
            "media": f"{url}/Media",
            "operator_results": f"{url}/OperatorResults",
            "encrypted_operator_results": f"{url}/OperatorResults/Encrypted",
        },
    }


def sentences_json(transcript: Transcript, content: Content, *, redacted: bool) -> list[dict[str, Any]]:
    """Twilio docs, Transcript Sentence: one for each utterance; times are strings of decimal seconds."""
    return [_sentence(transcript, index, one, redacted=redacted) for index, one in enumerate(content.sentences)]


def _sentence(transcript: Transcript, index: int, sentence: Sentence, *, redacted: bool) -> dict[str, Any]:
    return {
        "media_channel": sentence.channel,
        "sentence_index": index,
        "start_time": f"{sentence.start:.2f}",
        "end_time": f"{sentence.end:.2f}",
        "transcript": redact(sentence.text) if redacted else sentence.text,
        # The same on every read: a SID out of the recording's.
        "sid": f"GX{transcript.source_sid[2:-4]}{index:04x}",
        "confidence": "0.95",
        "words": None,
    }


def operator_result_json(transcript: Transcript, result: OperatorResult, *, redacted: bool) -> dict[str, Any]:
    """Build a result as a real run of December 2025 printed it: null, {} and [] where it has nothing to say."""
    operator_sid = transcript.operators[result.name]
    said = result.model_dump(exclude={"name", "operator_type"}, exclude_unset=True)
    return {
        "operator_type": result.operator_type,
        "name": result.name,
        "operator_sid": operator_sid,
        "extract_match": None,
        "match_probability": None,
        "normalized_result": None,
        "utterance_results": [],
        "utterance_match": None,
        "predicted_label": None,
        "predicted_probability": None,
        "label_probabilities": {},
        "extract_results": {},
        "text_generation_results": None,
        "json_results": None,
        **(redact(said) if redacted else said),
        "transcript_sid": transcript.sid,
        "url": f"{INTELLIGENCE}/v2/Transcripts/{transcript.sid}/OperatorResults/{operator_sid}",
    }


def media_json(account: Account, transcript: Transcript, *, redacted: bool) -> dict[str, Any]:
    """Twilio docs, Transcript Media: "a temporary URL", whose form is *assumed* after those of encrypted sentences.

    Nothing answers there. That a transcript which is not completed has none is *assumed* too.
    """
    kind = "redacted" if redacted else "original"
    there = f"https://com.twilio.us1.media.s3.amazonaws.com/{transcript.sid}/{kind}.wav?X-Amz-Expires=3600"
    return {
        "account_sid": account.account_sid,
        "service_sid": transcript.service_sid,
        "sid": transcript.sid,
        "media_url": there if transcript.status == "completed" else None,
        "url": f"{INTELLIGENCE}/v2/Transcripts/{transcript.sid}/Media",
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
