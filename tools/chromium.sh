#!/bin/sh
# See that a Chromium is there for the browser tests; as root, install Debian's.
set -eu

for name in chromium chromium-browser; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "test-browser: no Chromium found. On Debian and Ubuntu: apt-get install chromium" >&2
    exit 1
fi
echo "test-browser: installing Debian's chromium" >&2
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core >/dev/null
