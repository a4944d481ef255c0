"""An HTTP API's event (payload format 2.0) as far as it is needed, whatever a stranger has put into it.

Used by what decides whether a request is Twilio's. Nothing the sender writes is trusted for the address: it is made of
the request context, which API Gateway fills.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from callscribe.domain.errors import ForgeryError

LONGEST_BODY = 64 * 1024
"""Characters, far more than Twilio sends: a stranger shall not make us hash megabytes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Names of headers are in lower case; `path_token` is what stands in the place of {token}.

    `id` is API Gateway's own, which is in the API's log too.
    """

    base_url: str
    path: str
    query: str
    headers: Mapping[str, str]
    path_token: str | None
    raw_body: str
    is_base64: bool
    id: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Read an event.

        Raises:
            ForgeryError: it is no event of an HTTP API.
        """
        try:
            headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
            request = cls(
                base_url=f"https://{event['requestContext']['domainName']}",
                path=event["rawPath"],
                query=event.get("rawQueryString") or "",
                headers=headers,
                path_token=(event.get("pathParameters") or {}).get("token"),
                raw_body=event.get("body") or "",
                is_base64=bool(event.get("isBase64Encoded")),
                id=request_id(event) or "",
            )
        except (AttributeError, KeyError, TypeError):
            raise _odd() from None
        texts = (request.path, request.query, request.path_token or "", request.raw_body, *headers.values())
        if not all(isinstance(text, str) for text in texts):
            raise _odd()
        return request

    @property
    def url(self) -> str:
        """The address that was called."""
        return self.base_url + self.path + (f"?{self.query}" if self.query else "")

    def body(self) -> str:
        """The body as it came over the wire.

        Raises:
            ForgeryError: it is too long, or no text.
        """
        if len(self.raw_body) > LONGEST_BODY:
            raise ForgeryError("the body is longer than any of Twilio's", "too_long")
        try:
            # API Gateway encodes the bodies of forms.
            raw = base64.b64decode(self.raw_body, validate=True) if self.is_base64 else self.raw_body.encode()
            return raw.decode()
        except ValueError:
            raise ForgeryError("the body is no text", "no_text") from None


def request_id(event: Any) -> str | None:
    """API Gateway's own id of a request, as far as there is one."""
    try:
        return str(event["requestContext"]["requestId"])
    except (KeyError, TypeError):
        return None


def _odd() -> ForgeryError:
    return ForgeryError("this is no event of an HTTP API", "odd_event")
