#!/bin/sh
# Asks whether any locked package has a known vulnerability, what is shipped first. Exit status 1: some have, or nobody
# could be asked, and then nothing is known.
set -u
cd "$(dirname "$0")/.."
status=0
for lock in layers/callscribe/requirements.txt requirements/dev.txt requirements/ministack.txt requirements/scanners.txt \
    requirements/uv.txt; do
    echo "» $lock"
    .scanners/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement "$lock" || status=1
done
[ "$status" = 0 ] || echo "Not clean, or not asked: see above. Where a package has a fix: make lock UPGRADE=1" >&2
exit $status
