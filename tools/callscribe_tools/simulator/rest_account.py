"""The account itself: its own resource on api.twilio.com, and its recording settings on voice.twilio.com."""

from email.utils import format_datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import ApiError, not_found
from callscribe_tools.simulator.paging import only
from callscribe_tools.simulator.rest_api import Ask, Resource


class AccountApi:
    """The simulated account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def resources(self) -> list[Resource]:
        """List the paths it answers."""
        return [
            Resource("/2010-04-01/Accounts/{account_sid}.json", {"GET": self._fetch}),
            Resource("/v2/AccountDefaultConfiguration/Recording", {"GET": self._recording}),
        ]

    def _fetch(self, ask: Ask) -> Response:
        only(ask.query)
        if ask.by_api_key:
            # "You used a Standard API key for an endpoint that requires a Main API key, such as /Accounts" (error
            # 20003). Who holds a key cannot tell which kind it is: no violation.
            raise ApiError(401, 20003, "Authenticate", misuse=False)
        return JSONResponse(account_json(self._account))

    def _recording(self, ask: Ask) -> Response:
        only(ask.query)
        configuration = self._account.default_recording_configuration
        if configuration is None:
            raise not_found(ask.path)
        created = self._account.created.isoformat().replace("+00:00", "Z")
        return JSONResponse(
            {
                "account_sid": self._account.account_sid,
                "description": "",
                "date_created": created,
                "date_updated": created,
                "configuration": configuration,
            }
        )


def account_json(account: Account) -> dict[str, Any]:
    """Twilio docs, Account resource; of `subresource_uris` only what the simulator has."""
    uri = f"/2010-04-01/Accounts/{account.account_sid}"
    created = format_datetime(account.created)
    return {
        "sid": account.account_sid,
        "owner_account_sid": account.owner_account_sid or account.account_sid,
        "friendly_name": account.friendly_name,
        "status": account.status,
        "type": account.type,
        # The OpenAPI description has it: who reads the account must not print all of it.
        "auth_token": account.auth_token,
        "date_created": created,
        "date_updated": created,
        "subresource_uris": {
            "calls": f"{uri}/Calls.json",
            "incoming_phone_numbers": f"{uri}/IncomingPhoneNumbers.json",
            "recordings": f"{uri}/Recordings.json",
        },
        "uri": f"{uri}.json",
    }
