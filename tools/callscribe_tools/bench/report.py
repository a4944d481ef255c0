"""What the bench has found, for people and for machines. Only the latter get times, which are those of one machine."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from callscribe_tools.bench.artifacts import Size
from callscribe_tools.bench.goals import Goal
from callscribe_tools.bench.measure import Measured
from callscribe_tools.bench.prices import DATE, PRICES, REGION, dollars_per_million
from callscribe_tools.bench.stand import BARE, IMPORTS
from callscribe_tools.bench.units import CallUnits


@dataclass(frozen=True)
class Report:
    """All of one run. `taken` is what has a price in the first of the calls."""

    sizes: Mapping[str, Size]
    measured: Mapping[str, Measured]
    calls: list[CallUnits]
    taken: Mapping[str, float]
    goals: list[Goal]

    def for_machines(self) -> str:
        """The report as JSON; times in seconds of this machine, sizes in bytes."""
        return json.dumps(
            {
                "sizes": {name: asdict(one) for name, one in self.sizes.items()},
                "measured": {name: asdict(one) for name, one in self.measured.items()},
                "ratios": {name: self._ratios(one) for name, one in self.measured.items()},
                "calls": [asdict(one) for one in self.calls],
                "dollars_per_million_calls": {"prices": f"{REGION}, {DATE}", **dollars_per_million(self.taken)},
                "goals": [{**asdict(one), "met": one.met} for one in self.goals],
            },
            indent=2,
        )

    def _ratios(self, one: Measured) -> dict[str, float]:
        bare, imports = self.measured[BARE], self.measured[IMPORTS]
        return {
            "first_answer": one.first_answer / bare.first_answer,
            "initialised": one.initialised / bare.initialised,
            "initialised_to_imports": one.initialised / imports.initialised,
            "warm": one.warm / bare.warm,
            "cpu": one.cpu / bare.cpu,
            "peak_memory": one.peak_memory / bare.peak_memory,
        }

    def print(self, console: Console) -> None:
        """Print tables."""
        for table in self._tables():
            console.print(table)
            console.print()

    def _tables(self) -> Iterator[Table]:
        yield self._functions()
        yield self._packages()
        yield self._units()
        yield self._costs()
        yield self._goals()

    def _functions(self) -> Table:
        table = _table(f"Functions, as multiples of a {BARE}", "", "first answer, cold", "of it initialising")
        for column in ("times the SDKs' imports", "warm", "CPU a request", "peak memory"):
            table.add_column(column, justify="right")
        for name, one in self.measured.items():
            ratios = self._ratios(one)
            share = one.initialised / one.first_answer
            table.add_row(
                name,
                f"{ratios['first_answer']:.1f}",
                f"{share:.0%}",
                f"{ratios['initialised_to_imports']:.2f}",
                f"{ratios['warm']:.1f}",
                f"{ratios['cpu']:.1f}",
                f"{ratios['peak_memory']:.1f}",
            )
        return table

    def _packages(self) -> Table:
        table = _table("Packages, kB", "", "zipped", "unpacked")
        for name, one in self.sizes.items():
            table.add_row(name, f"{one.zipped / 1e3:,.1f}", f"{one.unpacked / 1e3:,.1f}")
        return table

    def _units(self) -> Table:
        table = _table("DynamoDB's units for one call", "sentences", "writing the transcript", "call and states")
        for column in ("indexes", "read by the functions", "reading the whole call"):
            table.add_column(column, justify="right")
        for one in self.calls:
            table.add_row(
                f"{one.sentences:,}",
                *(str(units) for units in (one.insights, one.moves, one.indexes)),
                f"{one.reads_by_functions:g}",
                f"{one.read_whole_call:g}",
            )
        return table

    def _costs(self) -> Table:
        table = _table(
            f"A million calls of {self.calls[0].sentences} sentences ({REGION}, {DATE})", "", "for each call"
        )
        table.add_column("US$ a million", justify="right")
        dollars = dollars_per_million(self.taken)
        for name, price in PRICES.items():
            table.add_row(price.of, f"{self.taken[name]:.3g}", f"{dollars[name]:.2f}")
        table.add_row("together", "", f"{sum(dollars.values()):.2f}")
        return table

    def _goals(self) -> Table:
        table = _table("Goals", "", "at most", "measured", "")
        for goal in self.goals:
            table.add_row(goal.what, f"{goal.limit:g}", f"{goal.measured:g}", "met" if goal.met else "not met")
        return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column, justify="right")
    return table
