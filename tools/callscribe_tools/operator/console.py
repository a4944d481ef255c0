"""What one would do in Twilio's console, by its REST API: Services, operators, numbers, the account itself.

It asks with the account's auth token, which the settings hold anyway to verify webhooks: so the API key that the
functions have need not be allowed any of this. Resources are Twilio's JSON as it is.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from callscribe.adapters.twilio_api import INTELLIGENCE, Progress, TwilioApi, connect, read_object
from callscribe.domain.errors import NotFoundError

TIMEOUT_SECONDS = 30.0
"""A person waits, over whatever network there is, and no webhook does."""

LIST_TIME = timedelta(hours=1)
"""How long one list may take: a day of an account with a million calls comes in about a third of it."""

FEW_NUMBERS = 10
"""So many numbers are asked for one by one: an account may have many others."""

VOICE_SETTINGS = "https://voice.twilio.com/v2"

type Resource = dict[str, Any]
type Form = Mapping[str, object]


class Console:
    """One account at Twilio. Every method raises the errors of `twilio_errors`, and UnreadableError."""

    def __init__(self, api: TwilioApi) -> None:
        self._api = api

    def account(self) -> Resource:
        """The account itself: its status, and whether it is on trial."""
        return self._api.read("reading the account", f"{self._api.voice}.json")

    # --- Intelligence Services

    def services(self) -> Iterator[Resource]:
        """All Intelligence Services of the account."""
        return self._api.intelligence_rows("listing the Intelligence Services", "Services")

    def service(self, sid: str) -> Resource:
        """One Service, by its SID or by its unique name."""
        return self._api.read(f"reading Service {sid}", f"{INTELLIGENCE}/Services/{sid}")

    def create_service(self, form: Form) -> Resource:
        """Create a Service."""
        return self._post(f"creating Service {form['UniqueName']}", "Services", form)

    def update_service(self, sid: str, form: Form, version: int) -> Resource:
        """Change fields of a Service, if it still has the version.

        Raises:
            ChangedError: it has another.
        """
        return self._post(f"changing Service {sid}", f"Services/{sid}", form, version)

    def delete_service(self, sid: str) -> None:
        """Delete a Service, if there (still) is one."""
        self._delete(f"deleting Service {sid}", f"Services/{sid}")

    def attach(self, service_sid: str, operator_sid: str) -> None:
        """Let an operator run on what a Service transcribes from now on."""
        self._post(
            f"attaching operator {operator_sid} to Service {service_sid}",
            f"Services/{service_sid}/Operators/{operator_sid}",
        )

    def detach(self, service_sid: str, operator_sid: str) -> None:
        """Let it no longer, if it does."""
        path = f"Services/{service_sid}/Operators/{operator_sid}"
        self._delete(f"detaching operator {operator_sid} from Service {service_sid}", path)

    # --- operators

    def prebuilt_operators(self) -> Iterator[Resource]:
        """Twilio's own operators."""
        return self._api.intelligence_rows("listing the pre-built operators", "Operators/PreBuilt")

    def custom_operators(self) -> Iterator[Resource]:
        """The operators that the account has made."""
        return self._api.intelligence_rows("listing the custom operators", "Operators/Custom")

    def create_operator(self, name: str, operator_type: str, config: Mapping[str, Any]) -> Resource:
        """Create a custom operator. Names need not be unique."""
        form = {"FriendlyName": name, "OperatorType": operator_type, "Config": _json(config)}
        return self._post(f"creating operator {name}", "Operators/Custom", form)

    def update_operator(self, sid: str, name: str, config: Mapping[str, Any], version: int) -> Resource:
        """Change a custom operator, if it still has the version. Its type cannot be changed.

        Raises:
            ChangedError: it has another version.
        """
        form = {"FriendlyName": name, "Config": _json(config)}
        return self._post(f"changing operator {sid}", f"Operators/Custom/{sid}", form, version)

    def delete_operator(self, sid: str) -> None:
        """Delete a custom operator, if there (still) is one."""
        self._delete(f"deleting operator {sid}", f"Operators/Custom/{sid}")

    # --- transcripts

    def transcript(self, sid: str) -> Resource:
        """A transcript, by its SID."""
        return self._api.read(f"reading transcript {sid}", f"{INTELLIGENCE}/Transcripts/{sid}")

    def operator_results(self, sid: str) -> Iterator[Resource]:
        """What the operators made of a transcript, redacted where its Service redacts."""
        return self._api.intelligence_rows(
            f"reading the operator results of transcript {sid}", f"Transcripts/{sid}/OperatorResults"
        )

    # --- numbers and the rest of the account

    def number(self, phone_number: str) -> Resource | None:
        """The account's number, by itself in E.164; None where the account has none such."""
        doing = f"looking for the number that ends in {phone_number[-4:]}"
        # The filter also finds numbers that it is a part of.
        found = self._api.voice_rows(
            doing, "IncomingPhoneNumbers", "incoming_phone_numbers", {"PhoneNumber": phone_number}
        )
        return next((one for one in found if one.get("phone_number") == phone_number), None)

    def numbers(self, wanted: Collection[str]) -> dict[str, Resource]:
        """Find the account's numbers among `wanted`, by themselves in E.164. Many are read by lists, not one by one."""
        if len(wanted) <= FEW_NUMBERS:
            found = {number: self.number(number) for number in wanted}
            return {number: resource for number, resource in found.items() if resource}
        listed = self._api.voice_rows(
            "listing the account's numbers", "IncomingPhoneNumbers", "incoming_phone_numbers", {}
        )
        return {str(row["phone_number"]): row for row in listed if row.get("phone_number") in wanted}

    def update_number(self, sid: str, form: Form) -> Resource:
        """Change what happens to calls to a number."""
        doing = f"changing number {sid}"
        answer = self._api.ask(doing, "POST", f"{self._api.voice}/IncomingPhoneNumbers/{sid}.json", form)
        return read_object(doing, answer)

    def latest_recording(self) -> Resource | None:
        """The account's latest recording, of whatever; None where it has none."""
        doing = "reading the latest recording"
        return next(self._api.voice_rows(doing, "Recordings", "recordings", {"PageSize": 1}), None)

    def default_recording_configuration(self) -> Resource | None:
        """What is done to every recording of the account that does not say otherwise; None where there is nothing."""
        doing = "reading the account's default recording configuration"
        with suppress(NotFoundError):
            return self._api.read(doing, f"{VOICE_SETTINGS}/AccountDefaultConfiguration/Recording")
        return None

    def _post(self, doing: str, path: str, form: Form | None = None, version: int | None = None) -> Resource:
        headers = {} if version is None else {"If-Match": str(version)}
        return read_object(doing, self._api.ask(doing, "POST", f"{INTELLIGENCE}/{path}", form, headers))

    def _delete(self, doing: str, path: str) -> None:
        with suppress(NotFoundError):
            self._api.ask(doing, "DELETE", f"{INTELLIGENCE}/{path}")


def _json(config: Mapping[str, Any]) -> str:
    return json.dumps(config, ensure_ascii=False)


def console(account_sid: str, auth_token: str, twilio_url: str | None, progress: Progress | None = None) -> Console:
    """The account at Twilio, by its auth token. `progress` is told how far long lists are."""
    api = connect(account_sid, account_sid, auth_token, twilio_url, TIMEOUT_SECONDS, until=LIST_TIME, progress=progress)
    return Console(api)
