"""Stops the clock for modules that ask it: what a test compares is then one moment and not two."""

from datetime import datetime
from types import ModuleType
from typing import Any

import pytest


def stop_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime, *modules: ModuleType) -> None:
    """Let it be that moment for each of these modules; all others go on."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return moment.astimezone(tz)

    for module in modules:
        monkeypatch.setattr(module, "datetime", Clock)
