#!/bin/sh
# Makes the virtual environment from requirements.lock, with nothing but Python 3.11 on the machine.
#   setup.sh <folder of the environment> <python to make it with>
set -eu

venv=$1
python=$2
cd "$(dirname "$0")/../.."

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}
is_root() { [ "$(id -u)" = 0 ]; }
may_install() { command -v apt-get >/dev/null && { is_root || sudo -n true 2>/dev/null; }; }
apt_install() {
    say "  apt-get install $*"
    if is_root; then as_root=; else as_root="sudo -n"; fi
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

command -v "$python" >/dev/null || fail "Python 3.11 is needed, and $python is not there (make PYTHON=<path> names another)"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 is needed; $python is $version"

if [ ! -x "$venv/bin/python" ]; then
    say "making a virtual environment with Python $version in $venv"
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv "$venv"
    elif "$python" -m virtualenv --version >/dev/null 2>&1; then
        "$python" -m virtualenv -q "$venv"
    elif command -v virtualenv >/dev/null; then
        virtualenv -q -p "$python" "$venv"
    elif may_install; then
        apt_install "python$version-venv"
        "$python" -m venv "$venv"
    else
        fail "Python's venv module is not complete here. Install it (sudo apt-get install python$version-venv) or virtualenv."
    fi
fi

count=$(grep -c '==' requirements.lock)
say "installing $count pinned packages (requirements.lock)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --requirement requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable .
say "compiling the dispatch engine"
"$venv/bin/python" -m services.dispatch.engine.dispatching
say "the environment is ready"
