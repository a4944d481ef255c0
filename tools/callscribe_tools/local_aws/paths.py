"""Where the project's files lie that the local AWS reads and writes."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "template.yaml"
SAMCONFIG = ROOT / "samconfig.toml"
MINISTACK = ROOT / ".ministack" / "bin" / "ministack"

# Not .aws-sam/build, which holds the arm64 build; and a folder deeper, as SAM keeps a build.toml beside each.
BUILD_DIR = ROOT / ".aws-sam" / "local" / "build"
BUILT_TEMPLATE = BUILD_DIR / "template.yaml"
