"""The fallback's REST API, as API Gateway serves its mocks: by the definition in template.yaml, and nothing else.

Sources: API Gateway docs, "Mock integrations for REST APIs", "Method request behavior for payloads without mapping
templates for REST APIs", "Mapping template transformations for REST APIs".
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from harness.events import FALLBACK_HOST, HOST
from harness.template import resolve, resources

API: Mapping[str, Any] = resources("AWS::Serverless::Api")["FallbackApi"]["Properties"]
STAGE: str = API["StageName"]
FALLBACK_URL = f"https://{FALLBACK_HOST}/{STAGE}/voice-fallback"
MISSING = "Missing Authentication Token"
"""What API Gateway says of a path or a method that the API does not have."""


def mock_answer(method: str, path: str, content_type: str | None) -> httpx.Response:
    """Answer a request as the stage would."""
    stage, _, rest = path.removeprefix("/").partition("/")
    operations = API["DefinitionBody"]["paths"].get(f"/{rest}", {})
    if stage != STAGE or method.lower() not in operations:
        return httpx.Response(403, json={"message": MISSING})
    integration = operations[method.lower()]["x-amazon-apigateway-integration"]
    assert (integration["type"], integration["passthroughBehavior"]) == ("mock", "never")
    # A type's parameters do not count, and no type at all counts as JSON.
    asked = (content_type or "application/json").partition(";")[0].strip().lower()
    template = integration["requestTemplates"].get(asked)
    if template is None:
        return httpx.Response(415, json={"message": "Unsupported Media Type"})
    # The only response there is, which is for any status.
    assert json.loads(evaluated(template)) == {"statusCode": 200}
    response = integration["responses"]["default"]
    prefix = "method.response.header."
    headers = {name.removeprefix(prefix): value.strip("'") for name, value in response["responseParameters"].items()}
    # What a mock answers is JSON to the choice of the template, whatever its own header says.
    text = evaluated(response["responseTemplates"]["application/json"])
    return httpx.Response(int(response["statusCode"]), headers=headers, text=text)


def evaluated(template: str) -> str:
    """What Velocity makes of a mapping template. Only stage variables are known here; all else is an error."""
    variables = {name: resolve(value, {"Api": f"https://{HOST}"}) for name, value in API["Variables"].items()}
    text = re.sub(r"\$\{stageVariables\.(\w+)\}", lambda found: variables[found[1]], template)
    assert "$" not in text, "a reference that is not known here"
    # `#` before a letter, `{`, `@`, `*`, `[` or another `#` begins a directive, a comment or a macro.
    assert not re.search(r"#[\w{@*#\[]", text.replace("&#35;", "")), "a directive"
    return text
