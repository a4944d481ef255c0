"""A stranger posts to the deployed stack: refused on every route, and nothing is queued or stored."""

import pytest

from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Account, Simulator
from e2e.stack import held, post
from harness.template import routes

ROUTES = sorted(path for _, path in routes())
FORM = {
    "CallSid": "CA" + "0" * 32,
    "RecordingSid": "RE" + "0" * 32,
    "RecordingStatus": "completed",
    "To": "+12025550199",
}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("forgery", ["unsigned", "nonsense", "another account's token", "another address"])
def test_a_wrong_signature_is_refused_and_queues_nothing(local: LocalCallscribe, path: str, forgery: str) -> None:
    url = f"https://{local.stack.api_host}{path}"
    stranger = Simulator(Account(auth_token="f" * 32))
    signer = stranger if forgery == "another account's token" else local.twilio
    signed_for = url + "x" if forgery == "another address" else url
    if path == "/ci-webhook":
        signed_url, headers, body = signer.signed_json(signed_for, {"transcript_sid": "GT" + "0" * 32})
        url += "?" + signed_url.split("?")[1]
    else:
        headers, body = signer.signed_form(signed_for, FORM)
    if forgery == "unsigned":
        del headers["X-Twilio-Signature"]
    if forgery == "nonsense":
        headers["X-Twilio-Signature"] = "nonsense"

    before = held(local)
    answer = post(local, url, headers, body)

    assert answer.status_code == 403
    assert held(local) == before


def test_a_genuine_request_is_answered_and_the_same_one_changed_is_not(local: LocalCallscribe) -> None:
    url = f"https://{local.stack.api_host}/incoming-call"
    headers, body = local.twilio.signed_form(url, FORM)
    assert post(local, url, headers, body).status_code == 200
    assert post(local, url, headers, body + b"&CallerName=").status_code == 403
