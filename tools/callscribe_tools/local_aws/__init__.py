"""An AWS on this machine: MiniStack under IAM enforcement, filled by the real `sam build` and `sam deploy`.

Called by the demo and by the end-to-end suite. It must never reach the real AWS: every client and subprocess
gets a loopback endpoint and dummy credentials, and nothing of the developer's own AWS configuration.
"""

from callscribe_tools.local_aws.errors import (
    BuildError,
    DeployError,
    EndpointError,
    LocalAwsError,
    ShutdownError,
    StartError,
)
from callscribe_tools.local_aws.lock import build_folder
from callscribe_tools.local_aws.paths import BUILD_DIR, BUILT_TEMPLATE, TEMPLATE
from callscribe_tools.local_aws.sam import Progress, build
from callscribe_tools.local_aws.samconfig import Section, section
from callscribe_tools.local_aws.server import LocalAws
from callscribe_tools.local_aws.stack import Stack, deploy, deploy_environment

__all__ = [
    "BUILD_DIR",
    "BUILT_TEMPLATE",
    "TEMPLATE",
    "BuildError",
    "DeployError",
    "EndpointError",
    "LocalAws",
    "LocalAwsError",
    "Progress",
    "Section",
    "ShutdownError",
    "Stack",
    "StartError",
    "build",
    "build_folder",
    "deploy",
    "deploy_environment",
    "section",
]
