"""Does what a plan says, one operation after the other. Killed anywhere, the next plan has what is left to do."""

from collections.abc import Iterator

from callscribe.domain.errors import ChangedError
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import OperatorError
from callscribe_tools.operator.printing import Tell
from callscribe_tools.operator.setup.changes import Change
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.looking import Found, look
from callscribe_tools.operator.setup.operations import Work
from callscribe_tools.operator.setup.planning import Plan, planned


def plan_setup(environment: Environment, config: Config, tell: Tell) -> tuple[Found, Plan]:
    """Say what differs between callscribe.toml and what there is; nothing is written.

    Raises:
        RefusedError: it cannot be as the file says.
        TransientError: AWS or Twilio does not answer, or may not be asked.
    """
    found = look(environment, tell, config.numbers, config)
    return found, planned(found, config)


def apply_setup(environment: Environment, config: Config, tell: Tell) -> list[Change]:
    """Make everything as callscribe.toml says; what has been changed.

    Raises what `plan_setup` does, before anything is written, and:
        OperatorError: something has been changed meanwhile, or another setup runs.
        PermanentError: Twilio or AWS refuses a change; those before it are done.
    """
    found, plan = plan_setup(environment, config, tell)
    return [change for changes in carry_out(found, plan, tell) for change in changes]


def carry_out(found: Found, plan: Plan, tell: Tell) -> Iterator[list[Change]]:
    """Do what a plan says; what it gives is done. Raises what `apply_setup` does."""
    work = Work(
        console=found.console,
        settings_store=found.environment.settings_store,
        stored=found.stored,
        ownership=found.ownership,
        account_sid=found.credentials.account_sid,
        sids=dict(plan.sids),
    )
    for operation in plan.operations:
        tell(operation.doing)
        try:
            operation.do(work)
        except ChangedError as error:
            again = found.environment.command("setup apply")
            raise OperatorError(f"{error}. Somebody has changed it meanwhile; apply again: {again}") from error
        yield operation.changes
