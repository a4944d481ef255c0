"""Connection overrides in a webhook URL's fragment: `https://host/path#rc=3&rp=5xx,ct,rt`.

Twilio docs, "Webhooks (HTTP callbacks): Connection Overrides". The fragment is neither sent nor signed.
"""

from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import urldefrag

# The documented range of each number and its default; times in milliseconds.
_NUMBERS = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000), "rc": (0, 5)}
_POLICIES = frozenset({"4xx", "5xx", "ct", "rt", "all"})
# Documented too, and without a meaning on loopback: the egress edge, and server name indication.
_WITHOUT_EFFECT = frozenset({"e", "sni"})


@dataclass
class ConnectionOverrides:
    """How Twilio shall deliver one webhook; the defaults are the documented ones."""

    connect_timeout: float = 5.0
    read_timeout: float = 15.0
    total_time: float = 15.0
    """Seconds for all attempts together."""
    retries: int = 1
    # The default row of `rp` is known from secondary sources only: retry where no connection was made.
    retry_on: frozenset[str] = frozenset({"ct"})
    ignored: list[str] = field(default_factory=list)
    """What Twilio would have ignored in the fragment, in words."""

    def times(self, patience: float) -> Self:
        """Give the same, but so many times as patient."""
        return replace(
            self,
            connect_timeout=self.connect_timeout * patience,
            read_timeout=self.read_timeout * patience,
            total_time=self.total_time * patience,
        )

    def retries_after(self, reason: str) -> bool:
        """Say whether an attempt that failed by `ct`, `rt`, `4xx` or `5xx` is made again."""
        return "all" in self.retry_on or reason in self.retry_on


def split_overrides(url: str) -> tuple[str, ConnectionOverrides]:
    """Split a configured webhook URL into what is requested and signed, and how it is requested."""
    address, fragment = urldefrag(url)
    overrides = ConnectionOverrides()
    for pair in filter(None, fragment.split("&")):
        key, _, value = pair.partition("=")
        if key == "rp":
            _set_policy(overrides, value)
        elif key in _NUMBERS:
            _set_number(overrides, key, value)
        elif key not in _WITHOUT_EFFECT:
            overrides.ignored.append(f"{pair!r} is no connection override")
    return address, overrides


def _set_policy(overrides: ConnectionOverrides, value: str) -> None:
    policies = frozenset(value.split(","))
    if policies <= _POLICIES:
        overrides.retry_on = policies
    else:
        overrides.ignored.append(f"rp={value} is not a list of {sorted(_POLICIES)}")


def _set_number(overrides: ConnectionOverrides, key: str, value: str) -> None:
    least, most = _NUMBERS[key]
    if not value.isdecimal() or not least <= int(value) <= most:
        overrides.ignored.append(f"{key}={value} is outside {least} to {most}")
    elif key == "rc":
        overrides.retries = int(value)
    else:
        name = {"ct": "connect_timeout", "rt": "read_timeout", "tt": "total_time"}[key]
        setattr(overrides, name, int(value) / 1000)
