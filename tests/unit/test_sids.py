"""A SID is its prefix and 32 lower-case hexadecimal digits, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, Sid, TranscriptSid

KINDS = {"CA": CallSid, "RE": RecordingSid, "GT": TranscriptSid, "GA": ServiceSid}


class Holder(BaseModel):
    sid: CallSid


@pytest.mark.parametrize("prefix", KINDS)
@given(digits=st.text("0123456789abcdef", min_size=32, max_size=32))
def test_prefix_and_32_digits_are_a_sid(prefix: str, digits: str) -> None:
    sid = KINDS[prefix](prefix + digits)
    assert sid == prefix + digits
    assert isinstance(sid, str)


@pytest.mark.parametrize("kind", KINDS.values())
@pytest.mark.parametrize("prefix", [*KINDS, "AC", "ca", ""])
def test_a_sid_of_one_kind_is_none_of_another(kind: type[Sid], prefix: str) -> None:
    if KINDS.get(prefix) is not kind:
        with pytest.raises(ValueError, match=f"not a {kind.__name__}"):
            kind(prefix + "0" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CA",
        "CA" + "0" * 31,
        "CA" + "0" * 33,
        "CA" + "A" * 32,
        "CA" + "g" * 32,
        " CA" + "0" * 32,
        "CA" + "0" * 32 + "\n",
        "CA" + "\N{ARABIC-INDIC DIGIT ZERO}" * 32,
        "CA" + "0" * 31 + "/",
    ],
)
def test_what_is_nearly_a_sid_is_none_and_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="not a CallSid") as refusal:
        CallSid(text)
    assert len(text) < 30 or text not in str(refusal.value)


def test_a_model_reads_a_sid_as_its_type() -> None:
    assert type(Holder.model_validate({"sid": "CA" + "0" * 32}).sid) is CallSid
    with pytest.raises(ValidationError):
        Holder.model_validate({"sid": "RE" + "0" * 32})
