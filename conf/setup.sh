#!/bin/sh
# Everything that `make demo` and `make test` need: Debian packages, the virtual environment .venv, the compiled
# engine. One stamp over all that matters; where it is the same as last time nothing is called.
# From a bundle (`make bundle`) packages and wheels come from bundle/ and no network is used.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
venv=.venv
stamp_file=$venv/.tipring-setup

stamp() {
    { cat conf/debian-packages.txt conf/requirements.txt conf/setup.sh setup.py pyproject.toml drivers/build_engine.py \
        csrc/*.c csrc/*.h; pwd; } | sha256sum | cut -d' ' -f1
}

want=$(stamp)
if [ -x $venv/bin/tipring ] && [ "$(cat $stamp_file 2>/dev/null || true)" = "$want" ] && ls drivers/_engine.*.so >/dev/null 2>&1
then
    exit 0
fi

packages=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' conf/debian-packages.txt)
missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
    case $status in ii*|hi*) ;; *) missing="$missing $package" ;; esac
done
if [ -n "$missing" ]; then
    echo "setup: installing$missing"
    if [ "$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; else
        echo "setup: these Debian packages are missing and need root: apt-get install$missing" >&2
        exit 1
    fi
    apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0"
    if [ -d bundle/debs ]; then
        list=$(mktemp -d)
        trap 'rm -rf "$list"' EXIT
        chmod 755 "$list"
        mkdir "$list/lists"
        echo "deb [trusted=yes] file:$root/bundle/debs ./" > "$list/sources.list"
        apt="$apt -o Dir::Etc::SourceList=$list/sources.list -o Dir::Etc::SourceParts=- -o Dir::State::Lists=$list/lists"
        apt="$apt -o APT::Sandbox::User=root"
    fi
    $apt update
    # shellcheck disable=SC2086
    $apt install -y --no-install-recommends $missing >/dev/null
fi

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "setup: no Python 3.11 or newer with venv found; set PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! $venv/bin/python -c '' 2>/dev/null; then
    "$python" -m venv --clear $venv
fi
pip="$venv/bin/python -m pip --quiet --disable-pip-version-check"
index=
[ -d bundle/wheels ] && index="--no-index --find-links $root/bundle/wheels"
echo "setup: Python packages"
# shellcheck disable=SC2086
$pip install $index -r conf/requirements.txt
echo "setup: compiling the engine"
# shellcheck disable=SC2086
$pip install $index --no-deps --no-build-isolation --editable .
echo "$want" > $stamp_file
