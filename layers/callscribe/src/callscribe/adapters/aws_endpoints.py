"""Finds the endpoint of an AWS service without boto3, for functions that cannot wait until boto3 is imported.

`adapters/settings.py` calls it. Everything that uses boto3 leaves the endpoint to botocore.
"""

import os

_SERVICE_IDS = {"dynamodb": "DYNAMODB", "secretsmanager": "SECRETS_MANAGER"}
"""How botocore spells a service in `AWS_ENDPOINT_URL_<SERVICE>`."""


def endpoint_url(service: str) -> str:
    """Build the URL of a service in the function's own region and partition.

    The domain depends on the partition: `amazonaws.com`, `amazonaws.com.cn` in China, `amazonaws.eu` in the European
    Sovereign Cloud. Lambda does not tell a function its partition, so template.yaml passes `AWS::URLSuffix` as
    `URL_SUFFIX`. As in botocore, `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL` go first: the local AWS sets one.

    Args:
        service: the service's endpoint prefix, `dynamodb` or `secretsmanager`.
    """
    return (
        os.environ.get(f"AWS_ENDPOINT_URL_{_SERVICE_IDS[service]}")
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://{service}.{os.environ['AWS_REGION']}.{os.environ['URL_SUFFIX']}"
    )
