"""Language Operators of an account: Twilio's own, and the account's."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.sids import new_sid


@dataclass
class Operator:
    """One Language Operator: Twilio's own when it has no `config`, else one of the account's."""

    friendly_name: str
    operator_type: str
    """Of the Operator Type, as GenerativeJSON; results have names of their own for types, as json."""
    config: dict[str, Any] | None = None
    description: str | None = None
    # What a new one gets is assumed: the OpenAPI example's.
    availability: str = "public"
    version: int = 1
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    sid: str = field(default_factory=lambda: new_sid("LY"))

    @property
    def custom(self) -> bool:
        """Say whether the account has made it."""
        return self.config is not None


def default_operators() -> dict[str, Operator]:
    """Make the operators of the flow Callscribe replicates, by SID: one of the account's own, two pre-built."""
    schema = {
        "type": "object",
        "properties": {
            "category": {"type": "string", "enum": ["pricing", "other"]},
            "emotion": {"type": "string", "enum": ["positive", "neutral", "negative"]},
        },
        # Twilio sets these two whatever one asks for.
        "additionalProperties": False,
        "required": ["category", "emotion"],
    }
    config = {"prompt": "Say what the caller wants, and in which mood.", "json_result_schema": schema}
    operators = (
        Operator("product-feedback", "GenerativeJSON", config, sid="LY" + "1" * 32),
        *_prebuilt()[:2],
    )
    return {operator.sid: operator for operator in operators}


def prebuilt_operators() -> dict[str, Operator]:
    """Make those that every account has, by SID: some of the documented ones (Twilio docs, "Pre-built Operators")."""
    return {operator.sid: operator for operator in _prebuilt()}


def _prebuilt() -> list[Operator]:
    # The names of their Operator Types are assumed, but for Summarization, the OpenAPI example's. The summary's own
    # name is as a real run of December 2025 printed it; the page calls it Summarization.
    named = (
        ("Conversation Summary", "Summarization"),
        ("Sentiment Analysis", "ConversationClassify"),
        ("Entity Recognition", "Extract"),
        ("Agent Introduction", "UtteranceClassify"),
        ("Voicemail Detection", "ConversationClassify"),
        ("Call Transfer", "ConversationClassify"),
    )
    return [Operator(name, kind, sid="LY" + f"{number}" * 32) for number, (name, kind) in enumerate(named, start=2)]
