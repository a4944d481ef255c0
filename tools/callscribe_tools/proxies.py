"""Proxies that the environment names: this machine is never asked through one, and an error names the variable.

Imported before anything else: only the standard library may be imported here.
"""

import os
from collections.abc import MutableMapping

_LOOPBACK = ("127.0.0.1", "localhost", ".localhost", "::1")
_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
"""Those that apply to https, by which AWS and Twilio are asked."""


def bypass_for_loopback(environment: MutableMapping[str, str]) -> None:
    """Let no library ask this machine through a proxy. Libraries differ in which spelling of the variable they read."""
    names = [name for spelling in ("no_proxy", "NO_PROXY") for name in environment.get(spelling, "").split(",") if name]
    told = "*" if "*" in names else ",".join(dict.fromkeys([*names, *_LOOPBACK]))
    environment["NO_PROXY"] = environment["no_proxy"] = told


def advice() -> str:
    """Say which variables name a proxy, for whoever is not reached; empty where there is none."""
    named = [name for name in _VARIABLES if os.environ.get(name)]
    if not named:
        return ""
    told = f"{' and '.join(named)} {'names a proxy' if len(named) == 1 else 'name proxies'}"
    return f" {told}, and may be what is in the way: correct it, or unset it."
