"""The settings document in Secrets Manager, read and written whole. Values of it are never part of an error."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callscribe.adapters.aws_errors import aws_errors
from callscribe.domain.settings import Settings, from_json
from callscribe_tools.operator.errors import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SettingsSecret:
    """The secret of one stack. Every method raises the errors of `aws_errors`.

    `write_them` is the command that writes it, for errors.
    """

    def __init__(self, client: "SecretsManagerClient", arn: str, write_them: str) -> None:
        self._client = client
        self.arn = arn
        self._write_them = write_them

    def document(self) -> dict[str, Any] | None:
        """The document as it is, right or wrong; None where there is none yet.

        Raises:
            OperatorError: it is no JSON object.
        """
        text = self._text()
        if not text:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OperatorError(f"The settings are no JSON object. Write them anew: {self._write_them}")
        return found

    def settings(self) -> Settings:
        """The settings in force.

        Raises:
            OperatorError: they have not been written.
            SettingsError: they are wrong.
        """
        text = self._text()
        if not text:
            raise OperatorError(f"The settings have not been written. Write them: {self._write_them}")
        return from_json(text)

    def write(self, document: dict[str, Any]) -> None:
        """Write a document in the place of the one before; the functions see it within five minutes.

        Raises:
            SettingsError: it is wrong; nothing is written.
        """
        text = self.check(document)
        with aws_errors("writing the settings"):
            self._client.put_secret_value(SecretId=self.arn, SecretString=text)

    @staticmethod
    def check(document: dict[str, Any]) -> str:
        """The text of a document, once it is known to be right.

        Raises:
            SettingsError: it is wrong.
        """
        text = json.dumps(document, ensure_ascii=False)
        from_json(text)
        return text

    def changed(self) -> datetime:
        """When it was last changed."""
        with aws_errors("looking at the settings"):
            return self._client.describe_secret(SecretId=self.arn)["LastChangedDate"].astimezone(UTC)

    def _text(self) -> str:
        with aws_errors("reading the settings"):
            try:
                return self._client.get_secret_value(SecretId=self.arn).get("SecretString", "")
            except self._client.exceptions.ResourceNotFoundException:
                # Also what is said of a secret that has never had a value.
                return ""
