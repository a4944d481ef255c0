"""What moto is not started for: the stack at CloudFormation, and its functions at Lambda. On loopback."""

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.events import FALLBACK_HOST, HOST, load_event
from harness.mock_api import STAGE
from harness.stack import Stack
from harness.template import resolve, template

NAME = "callscribe-dev"


@dataclass
class Deployed:
    """The stack of that name, as it would be deployed by the template, but for what `changed` says.

    `changed` holds outputs and parameters; None leaves one out. `denied` is what CloudFormation refuses everybody.
    `created` is before anything that the table still has.
    """

    stack: Stack
    changed: dict[str, str | None] = field(default_factory=dict)
    denied: bool = False
    status: str = "UPDATE_COMPLETE"
    created: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=1000))

    @property
    def app(self) -> Starlette:
        invocations = "/2015-03-31/functions/{name}/invocations"
        return Starlette(
            routes=[
                Route("/", self._describe, methods=["POST"]),
                Route(invocations, self._invoke, methods=["POST"]),
            ]
        )

    async def _describe(self, request: Request) -> Response:
        asked = parse_qs((await request.body()).decode())
        (name,) = asked["StackName"]
        if self.denied:
            told = (
                "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: cloudformation:DescribeStacks"
            )
            return _refusal(403, "AccessDenied", told)
        if name != NAME:
            return _refusal(400, "ValidationError", f"Stack with id {name} does not exist")
        ids = self.stack.physical_ids | {
            "SweepFunction": "sweep",
            "Api": f"https://{HOST}",
            "FallbackApi": FALLBACK_HOST.partition(".")[0],
            "FallbackApi.Stage": STAGE,
        }
        outputs = {
            key: resolve(one["Value"], ids)
            for key, one in template()["Outputs"].items()
            if one.get("Condition", "StoresUnredacted") == "StoresUnredacted"
        }
        parameters = {key: str(one["Default"]) for key, one in template()["Parameters"].items()}
        members = f"""<member><StackName>{NAME}</StackName><CreationTime>{self.created.isoformat()}</CreationTime>
            <StackStatus>{self.status}</StackStatus>
            <Outputs>{self._members("Output", outputs)}</Outputs>
            <Parameters>{self._members("Parameter", parameters)}</Parameters></member>"""
        return _answer(f"<DescribeStacksResult><Stacks>{members}</Stacks></DescribeStacksResult>")

    def _members(self, kind: str, told: Mapping[str, str]) -> str:
        changed = {key: self.changed.get(key, value) for key, value in told.items()}
        return "".join(
            f"<member><{kind}Key>{key}</{kind}Key><{kind}Value>{escape(value)}</{kind}Value></member>"
            for key, value in changed.items()
            if value is not None
        )

    def _invoke(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            # Its metrics are lines of its log, and not of whoever invokes it.
            with redirect_stdout(io.StringIO()):
                told: Any = self.stack.invoke(name, load_event(name, "every_few_minutes"))
        except Exception as error:  # noqa: BLE001 (Lambda tells of any)
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            return Response(json.dumps(told), headers={"X-Amz-Function-Error": "Unhandled"})
        return Response(json.dumps(told))


def _answer(result: str) -> Response:
    text = f'<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">{result}'
    return Response(f"{text}</DescribeStacksResponse>", media_type="text/xml")


def _refusal(status: int, code: str, message: str) -> Response:
    told = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response(f"<ErrorResponse>{told}</ErrorResponse>", status, media_type="text/xml")
