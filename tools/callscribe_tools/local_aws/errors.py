"""What can go wrong with the local AWS.

LocalAwsError
├── EndpointError   an endpoint that is not on this machine
├── StartError      MiniStack did not come up
├── ShutdownError   MiniStack did not go away
├── BuildError      `sam build` failed
└── DeployError     `sam deploy` failed, or what it made cannot be served locally
"""


class LocalAwsError(Exception):
    """The local AWS cannot do what was asked."""


class EndpointError(LocalAwsError):
    """The endpoint is not a loopback address, so it could be the real AWS."""


class StartError(LocalAwsError):
    """MiniStack did not become ready."""


class ShutdownError(LocalAwsError):
    """MiniStack's processes did not end in time."""


class BuildError(LocalAwsError):
    """`sam build` failed."""


class DeployError(LocalAwsError):
    """The stack was not deployed, or has a part that the local AWS cannot serve."""
