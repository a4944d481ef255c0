"""How AWS is called: with an end in sight, since somebody waits for every answer."""

from botocore.config import Config

# Two tries of these and the reading of the settings fit into the 14 s of a function that Twilio waits for.
CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 3
TRIES = 2

CONFIG = Config(
    connect_timeout=CONNECT_TIMEOUT_SECONDS,
    read_timeout=READ_TIMEOUT_SECONDS,
    retries={"total_max_attempts": TRIES, "mode": "standard"},
)
