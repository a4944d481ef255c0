"""Tells people and machines what a soak has shown. It decides nothing."""

from collections.abc import Iterator
from typing import Any

from callscribe_tools.soak.record import LONGEST_HEAL_SECONDS
from callscribe_tools.soak.run import Run
from callscribe_tools.soak.verdict import Verdict
from callscribe_tools.words import quantity

_LONGEST_LISTING = 20


def for_people(run: Run, verdict: Verdict) -> Iterator[str]:
    """The soak, line by line."""
    yield f"Calls        {verdict.calls} in {run.seconds:.0f} s, {_throughput(run, verdict):.1f} a second"
    yield "Should be    " + ", ".join(f"{count} {end}" for end, count in sorted(verdict.ends.items()))
    yield f"Lost         {len(verdict.lost)}"
    yield f"Doubled      {len(verdict.doubled)}"
    yield f"Paid twice   {len(verdict.paid_twice)}"
    yield f"Asked again  {len(verdict.asked_again)}"
    yield f"Never ended  {len(verdict.unended)}"
    yield f"Dead letters {verdict.dead_letters}"
    yield "Ledger       " + (
        quantity(len(verdict.disagreements), "disagreement") if verdict.disagreements else "agrees"
    )
    yield f"Healed       {len(verdict.heals)} of {quantity(len(verdict.healed), 'disturbed call')}"
    yield (
        f"Time to heal median {verdict.median:.1f} s, worst {verdict.worst:.1f} s "
        f"after the fault's end; at most {LONGEST_HEAL_SECONDS:.0f} s"
    )
    lost = quantity(run.found, "thing")
    yield f"Sweeps       {run.sweeps}, and {run.failed_sweeps} that Twilio failed; {lost} found lost"
    yield f"Webhooks     {verdict.not_accepted} not accepted at first"
    few = "" if verdict.tells_shares else " (too few calls to judge how often each fault happened)"
    yield f"Faults       on the calls:{few}"
    yield from (f"  {kind:26} {share:6.1%}" for kind, share in sorted(verdict.shares.items()))
    yield f"  {'lists without an end':26} {verdict.endless_lists:6}"
    yield f"  {'operators forbidden':26} {verdict.operators_forbidden:6}"
    yield f"  {'Service of one number gone':26} {verdict.services_missing:6}"
    wrong = list(verdict.faults())
    yield from (f"WRONG: {one}" for one in wrong[:_LONGEST_LISTING])
    if len(wrong) > _LONGEST_LISTING:
        yield f"… and {len(wrong) - _LONGEST_LISTING} more"


def for_machines(run: Run, verdict: Verdict) -> dict[str, Any]:
    """The same, whole."""
    return {
        "calls": verdict.calls,
        "seconds": round(run.seconds, 1),
        "calls_a_second": round(_throughput(run, verdict), 2),
        "expected": dict(verdict.ends),
        "lost": {sid: list(differences) for sid, differences in verdict.lost.items()},
        "doubled": list(verdict.doubled),
        "paid_twice": list(verdict.paid_twice),
        "asked_again": list(verdict.asked_again),
        "never_ended": list(verdict.unended),
        "dead_letters": verdict.dead_letters,
        "heal_seconds": {"median": round(verdict.median, 1), "worst": round(verdict.worst, 1)},
        "sweeps": {"done": run.sweeps, "failed": run.failed_sweeps, "found": run.found},
        "webhooks_not_accepted": verdict.not_accepted,
        "faults_judged": verdict.tells_shares,
        "faults": {str(kind): round(share, 4) for kind, share in verdict.shares.items()},
        "endless_lists": verdict.endless_lists,
        "operators_forbidden": verdict.operators_forbidden,
        "services_missing": verdict.services_missing,
        "ledger_disagreements": list(verdict.disagreements),
        "wrong": list(verdict.faults()),
    }


def _throughput(run: Run, verdict: Verdict) -> float:
    return verdict.calls / run.seconds if run.seconds else 0.0
