"""What of the account at Twilio is this stack's: written down in one item of its table, before it is so.

Names at Twilio do not tell: operators may have the same, and two stacks may share an account. The item has no
`expires_at`, and none of the attributes that the table's indexes are made of.
"""

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.config import Config
from botocore.exceptions import ClientError

from callscribe.adapters.aws_errors import aws_errors
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

MOST_PLAIN_BYTES = 200 * 1024
"""An item holds 400 KB; 250 numbers need about so much."""

SETUP_KEY = {"pk": "SETUP", "sk": "SETUP"}
_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 4, "mode": "standard"})


@dataclass(slots=True, kw_only=True)
class Owned:
    """An operator, a Service or a number. `key` is its name in callscribe.toml.

    `made`: this stack has created it, and may delete it; else it was there, and `before` has what each field was that
    has been changed, `ours` the fingerprints of all that it has been changed to: a URL may hold a token.
    `attached` are operators attached to a Service that was there.
    """

    key: str
    made: bool
    before: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, list[str]] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)

    def note(self, name: str, was: object, shall_be: object) -> None:
        """Note that a field is about to be changed. What it was the first time is what it was before."""
        self.before.setdefault(name, was)
        told = self.ours.setdefault(name, [])
        if (mark := fingerprint(shall_be)) not in told:
            told.append(mark)

    def is_ours(self, name: str, value: object) -> bool:
        """Whether a field has a value that this stack has given it."""
        return fingerprint(value) in self.ours.get(name, [])


@dataclass(slots=True)
class _Record:
    """The item: what is owned by SID, and what is about to be created, by kind and key."""

    account_sid: str = ""
    operators: dict[str, Owned] = field(default_factory=dict)
    services: dict[str, Owned] = field(default_factory=dict)
    numbers: dict[str, Owned] = field(default_factory=dict)
    intents: dict[str, str] = field(default_factory=dict)


class Ownership:
    """The item of one stack. `save` writes what has been changed here; it raises the errors of `aws_errors`."""

    def __init__(self, table: "Table") -> None:
        self._table = table
        with aws_errors("reading what setup has made"):
            item = table.get_item(Key=SETUP_KEY, ConsistentRead=True).get("Item")
        self._written_by = str(item["written_by"]) if item else ""
        told = json.loads(_text_of(item["owned"])) if item else {}
        kinds = ("operators", "services", "numbers")
        told |= {kind: {sid: Owned(**one) for sid, one in told.get(kind, {}).items()} for kind in kinds}
        self.record = _Record(**told)

    @property
    def account_sid(self) -> str:
        """The account that all of it is in; empty where there is nothing."""
        return self.record.account_sid

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written down."""
        return not self._written_by

    def save(self) -> None:
        """Write it, if nobody else has since it was read.

        Raises:
            OperatorError: somebody else has: another setup runs.
        """
        before, now = self._written_by, uuid4().hex
        unchanged = Attr("written_by").eq(before) if before else Attr("pk").not_exists()
        item = {**SETUP_KEY, "written_by": now, "owned": _stored(json.dumps(asdict(self.record), ensure_ascii=False))}
        with aws_errors("noting what setup makes"):
            try:
                self._table.put_item(Item=item, ConditionExpression=unchanged)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                    raise
                # Botocore has sent it again where the first answer was lost.
                if self._table.get_item(Key=SETUP_KEY, ConsistentRead=True).get("Item", {}).get("written_by") != now:
                    raise OperatorError("Another setup of this stack runs. Let it end, then begin again") from None
        self._written_by = now

    def forget(self) -> None:
        """Take the item away, if there is one."""
        if self.is_empty:
            return
        with aws_errors("forgetting what setup has made"):
            self._table.delete_item(Key=SETUP_KEY)
        self.record, self._written_by = _Record(), ""


def _stored(text: str) -> str | bytes:
    """The text as it is, which an earlier version reads too; compressed if it is for hundreds of numbers."""
    return text if len(text.encode()) <= MOST_PLAIN_BYTES else zlib.compress(text.encode(), 9)


def _text_of(owned: Any) -> str:
    return owned if isinstance(owned, str) else zlib.decompress(bytes(owned)).decode()


def ownership_of(environment: Environment) -> Ownership:
    """What is written down of a stack."""
    dynamodb = boto3.resource("dynamodb", config=_CONFIG)
    return Ownership(dynamodb.Table(environment.outputs["CallsTableName"]))


def fingerprint(value: object) -> str:
    """What tells a value from another, and does not tell the value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
