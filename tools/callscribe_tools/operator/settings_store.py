"""Reads and writes the settings of one stack: the credentials in its secret, all else in its table of settings.

The command line calls it. Values of the secret are never part of an error.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.settings_item import DOCUMENT, SETTINGS_KEY, VERSION, pack, unpack
from callscribe.domain.settings import (
    NUMBER_FIELDS,
    OnProblem,
    Settings,
    SettingsError,
    TwilioCredentials,
    call_settings_from_json,
    credentials_from_json,
    from_json,
)
from callscribe_tools.operator.errors import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is stored, right or wrong.

    `secret` is the document in the secret, `item` the one in the table; None if nobody has written it yet. `version` is
    the item's, empty if there is none.
    """

    secret: Mapping[str, Any] | None
    item: Mapping[str, Any] | None
    version: str

    @property
    def numbers(self) -> Mapping[str, Any]:
        """The document of numbers in force: the item, or what Callscribe 0.1.0 has written into the secret."""
        return self.item if self.item is not None else self.in_secret

    @property
    def in_secret(self) -> Mapping[str, Any]:
        """The part of the secret that belongs into the table."""
        return {name: value for name, value in (self.secret or {}).items() if name in NUMBER_FIELDS}

    @property
    def has_numbers(self) -> bool:
        """Whether somebody has written numbers, even none."""
        return self.item is not None or "numbers" in self.in_secret


class SettingsStore:
    """The settings of one stack. Every method raises the errors of `aws_errors`.

    `write_them` is the command that writes them, for errors.
    """

    def __init__(self, client: "SecretsManagerClient", secret_arn: str, table: "Table", write_them: str) -> None:
        self._client = client
        self.secret_arn = secret_arn
        self._table = table
        self._write_them = write_them

    def read(self) -> Stored:
        """Read both documents.

        Raises:
            OperatorError: the secret is no JSON object.
        """
        return self.read_beside(self.secret())

    def read_beside(self, secret: Mapping[str, Any] | None) -> Stored:
        """Read the item, beside a document of the secret that is read already."""
        item, version = self._item()
        return Stored(secret=secret, item=item, version=version)

    def secret(self) -> dict[str, Any] | None:
        """The document in the secret as it is, right or wrong; None if there is none yet.

        Raises:
            OperatorError: it is no JSON object.
        """
        text = self._secret_text()
        return self._object(text) if text else None

    def credentials(self) -> TwilioCredentials:
        """The credentials in force.

        Raises:
            OperatorError: they have not been written.
            SettingsError: they are wrong.
        """
        text = self._secret_text()
        if not text:
            raise OperatorError(f"The settings have not been written. Write them: {self._write_them}")
        return credentials_from_json(text)

    def settings(self, on_problem: OnProblem = lambda *_: None) -> Settings:
        """The settings in force, as the functions have them.

        Args:
            on_problem: see `from_json`.

        Raises:
            OperatorError: they have not been written.
            SettingsError: they are wrong.
        """
        self.credentials()
        stored = self.read()
        if not stored.has_numbers:
            raise OperatorError(f"The settings have no numbers yet. Write them: {self._write_them}")
        return from_json(
            _text(stored.secret or {}),
            None if stored.item is None else _text(stored.item),
            on_problem=on_problem,
        )

    def write_secret(self, document: Mapping[str, Any]) -> None:
        """Write the secret in the place of the one before; the functions see it within five minutes.

        Raises:
            SettingsError: it is wrong; nothing is written.
        """
        check_secret(document)
        with aws_errors("writing the credentials"):
            self._client.put_secret_value(SecretId=self.secret_arn, SecretString=_text(document))

    def write_numbers(self, document: Mapping[str, Any], before: Stored) -> None:
        """Write the document of numbers, if it is still the one that was read before.

        The functions see it within five minutes, and a number that they do not know at once.

        Raises:
            SettingsError: it is wrong or too large; nothing is written.
            OperatorError: somebody else has written it since; nothing is written.
        """
        packed = check_numbers(document)
        version = uuid4().hex
        unchanged = "#version = :before" if before.version else "attribute_not_exists(pk)"
        asked: dict[str, Any] = {"ConditionExpression": unchanged}
        if before.version:
            asked["ExpressionAttributeNames"] = {"#version": VERSION}
            asked["ExpressionAttributeValues"] = {":before": before.version}
        with aws_errors("writing the settings"):
            try:
                self._table.put_item(Item={"pk": SETTINGS_KEY, DOCUMENT: packed, VERSION: version}, **asked)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                    raise
                # Botocore has sent it again if the first answer was lost.
                if self._item()[1] != version:
                    raise OperatorError(
                        "Somebody else has written the settings since they were read, and nothing was overwritten. "
                        "Run it again"
                    ) from None

    def empty_secret_of_numbers(self) -> None:
        """Take out of the secret what Callscribe 0.1.0 has written there, once it is in the table."""
        document = self.secret() or {}
        kept = {name: value for name, value in document.items() if name not in NUMBER_FIELDS}
        if kept != document:
            self.write_secret(kept)

    def changed(self) -> datetime:
        """When the secret was last changed."""
        with aws_errors("looking at the settings"):
            return self._client.describe_secret(SecretId=self.secret_arn)["LastChangedDate"].astimezone(UTC)

    def _secret_text(self) -> str:
        with aws_errors("reading the settings"):
            try:
                return self._client.get_secret_value(SecretId=self.secret_arn).get("SecretString", "")
            except self._client.exceptions.ResourceNotFoundException:
                # Also what is said of a secret that has never had a value.
                return ""

    def _item(self) -> tuple[dict[str, Any] | None, str]:
        with aws_errors("reading the settings"):
            item: dict[str, Any] = dict(
                self._table.get_item(Key={"pk": SETTINGS_KEY}, ConsistentRead=True).get("Item", {})
            )
        if not item:
            return None, ""
        version = str(item.get(VERSION, ""))
        try:
            return self._object(unpack(bytes(item[DOCUMENT]))), version
        except (KeyError, TypeError, SettingsError, OperatorError):
            # Damaged by hand: it holds no numbers, and the next `setup apply` writes it again.
            return {}, version

    def _object(self, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OperatorError(f"The settings are no JSON object. Write them anew: {self._write_them}")
        return found


def check_secret(document: Mapping[str, Any]) -> None:
    """Check a document for the secret, also one that still holds numbers.

    Raises:
        SettingsError: it is wrong.
    """
    credentials_from_json(_text(document))
    if "numbers" in document:
        from_json(_text(document))


def check_numbers(document: Mapping[str, Any]) -> bytes:
    """Check a document of numbers, and compress it for the table.

    Raises:
        SettingsError: it is wrong, or too large.
    """
    text = _text(document)
    call_settings_from_json(text)
    return pack(text)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
