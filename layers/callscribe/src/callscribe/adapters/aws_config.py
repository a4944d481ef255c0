"""How AWS is called: with an end in sight, since somebody waits for every answer."""

from botocore.config import Config

CONFIG = Config(
    # Two tries of these and the reading of the settings fit into the 14 s of a function that Twilio waits for.
    connect_timeout=1,
    read_timeout=3,
    retries={"total_max_attempts": 2, "mode": "standard"},
)
