"""Signed forms with other parameters than those of the files under `events/`."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from harness.events import raw_body, signed
from harness.stack import account


def with_parameters(event: dict[str, Any], **parameters: str | None) -> dict[str, Any]:
    """A copy of an event over HTTP whose form has other values, or lacks those that are None; signed anew."""
    form = dict(parse_qsl(raw_body(event).decode(), keep_blank_values=True)) | parameters
    body = urlencode({name: value for name, value in form.items() if value is not None})
    return signed({**event, "body": body, "isBase64Encoded": False}, account().auth_token)
