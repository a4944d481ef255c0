"""Looks up what operators are called at Twilio, for texts that would otherwise show SIDs alone."""

from collections.abc import Collection, Mapping
from itertools import chain

from callscribe.domain.errors import CallscribeError
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import OperatorError


def operator_names(environment: Environment, sids: Collection[str]) -> Mapping[str, str]:
    """Give the names of operators by their SIDs; empty if Twilio or the settings cannot be read.

    A name is only a help for the reader, so an error of its own would hide the text that it belongs to.
    """
    if not sids:
        return {}
    try:
        console = environment.console(environment.settings())
        return {
            str(row["sid"]): str(row["friendly_name"])
            for row in chain(console.custom_operators(), console.prebuilt_operators())
            if row.get("sid") in sids and row.get("friendly_name")
        }
    except (CallscribeError, OperatorError):
        return {}
