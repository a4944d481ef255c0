"""What a worker cannot do without: the two SDKs, imported and not used."""

import boto3
import twilio.rest

SDKS = (boto3, twilio.rest)


def handler(_event: object, _context: object) -> dict[str, int]:
    """Answer."""
    return {"statusCode": 200}
