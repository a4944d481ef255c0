"""The table, Twilio, the queues, the settings, the event bus: the only code that names boto3 or twilio.rest.

Each module ends in cached constructors that read the environment when first called, never at import. A module is
imported only by the functions that need it: boto3 and twilio.rest must not reach the caller's path.
"""
