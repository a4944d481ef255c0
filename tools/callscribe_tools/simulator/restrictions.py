"""What an account as a whole may not do: be asked by REST, or be called. `rest_api` and `Simulator` ask first."""

import re

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import ApiError
from callscribe_tools.simulator.violations import NotSimulatedError, SimulationError

_ACCOUNT = re.compile(r"/2010-04-01/Accounts/\w+\.json")
_INTELLIGENCE = re.compile(r"/v2/(?:Transcripts|Services|Operators|OperatorTypes)(?:/.*)?")


def check_allowed(account: Account, path: str) -> None:
    """Make sure that the account may ask for this path.

    None of these refusals is a violation: the account's owner has to act, not the client.

    Raises
    ------
    ApiError
        The account is not active, or is restricted to another product than Conversational Intelligence's v2.
    """
    if account.status != "active" and not _ACCOUNT.fullmatch(path):
        # Error 20005, "Account not active"; that it comes with 403, and that the account can still be read, is assumed.
        raise ApiError(403, 20005, "Account not active", misuse=False)
    if account.other_product and _INTELLIGENCE.fullmatch(path):
        # Error 17532 is the documented one of the other product, for accounts of this one; that there is a counterpart,
        # by 403 and the general code for what is forbidden, is assumed.
        raise ApiError(403, 20403, "Account restricted: it is configured for another product", misuse=False)


def check_takes_calls(account: Account) -> None:
    """Make sure that calls to the account's numbers are answered, and that nothing comes of them unasked.

    Raises
    ------
    SimulationError
        The account is not active.
    NotSimulatedError
        One of its Services transcribes by itself.
    """
    if account.status != "active":
        raise SimulationError(f"The account is {account.status}: Twilio takes no calls to its numbers (error 10003).")
    transcribing = [one.sid for one in account.services.values() if one.auto_transcribe]
    if transcribing:
        raise NotSimulatedError(
            f"{', '.join(transcribing)} would transcribe every recording by itself: set AutoTranscribe to false."
        )
