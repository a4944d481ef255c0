"""The one logger. Phone numbers go into it masked, what was said and secrets never."""

from aws_lambda_powertools import Logger

logger = Logger(service="callscribe")
