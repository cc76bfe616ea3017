#!/bin/sh
# Everything that `make demo` and `make test` need: Debian packages, the virtual environment .venv, the compiled
# engine, the spoken prompts. One stamp over all that matters: where it is the same as last time, neither apt nor pip
# is called. From a bundle (`make bundle`) packages and wheels come from bundle/ and no network is used.
#
# PYTHON=/path/to/python3 chooses another Python (3.11 or newer, with venv) than Debian's own.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)
venv=.venv
python=$venv/bin/python
record=$venv/.tipring-setup # lines: the stamp; the stamp of the engine alone; the folder of the prompts; PYTHON
packages=$(sed 's/#.*//' conf/debian-packages.txt)
newline='
'

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}

# shellcheck disable=SC2086 # names of packages, one a word
package_states() { dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' $packages 2>/dev/null || true; }

engine_stamp() {
    {
        sha256sum drivers/build_engine.py csrc/*.c csrc/*.h csrc/libpri.symbols
        sha256sum "${LIBPRI:-$(gcc -print-file-name=libpri.a)}" || true
        readlink -f $python || true
    } 2>/dev/null | sha256sum | cut -c1-64
}

stamp() {
    {
        engine_stamp
        sha256sum conf/debian-packages.txt conf/requirements.txt conf/setup.sh setup.py pyproject.toml \
            cti/vru/texts.yaml cti/vru/prompts.py cti/vru/speech.py cti/vru/spoken_numbers.py cti/vru/music.py
        package_states
        echo "$root|${HOME:-}|${XDG_CACHE_HOME:-}|${TIPRING_SPEECH:-}"
    } | sha256sum | cut -c1-64
}

recorded() { sed -n "$1p" $record 2>/dev/null || true; }

engine_is_there() { [ -f drivers/_engine.abi3.so ] && [ "$(recorded 2)" = "$(engine_stamp)" ]; }

same_python() { [ -z "${PYTHON:-}" ] || [ "$PYTHON" = "$(recorded 4)" ]; }

all_is_there() {
    [ -x $venv/bin/tipring ] && [ "$(recorded 1)" = "$(stamp)" ] && engine_is_there && [ -d "$(recorded 3)" ] &&
        same_python
}

install_packages() {
    missing=
    states=$(package_states)
    for package in $packages; do
        case $newline$states in
        *"$newline$package ii"* | *"$newline$package hi"*) ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        sudo=sudo
    else
        fail "Debian packages are missing and need root, run: apt-get install --no-install-recommends$missing"
    fi
    command -v apt-get >/dev/null || fail "there is no apt-get here; install what stands for these packages:$missing"
    say "installing Debian packages, some minutes:$missing"
    temporary=$(mktemp -d)
    trap 'rm -rf "$temporary"' EXIT
    set -- -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300
    if [ -d bundle/debs ]; then
        lists=$temporary
        mkdir "$lists/state" "$lists/parts"
        ln -s "$root/bundle/debs" "$lists/debs"
        echo "deb [trusted=yes] file:$lists/debs ./" >"$lists/sources.list"
        set -- "$@" -o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts="$lists/parts" \
            -o Dir::State::Lists="$lists/state" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root
    fi
    log=$temporary/log
    # 9 is the lock: a service that a package starts must not keep it
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@" update >"$log" 2>&1 9<&- ||
        { tail -n 8 "$log" >&2 && say "apt-get update failed; going on with what it knows"; }
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@" install -y --no-install-recommends $missing >"$log" 2>&1 9<&- ||
        { tail -n 8 "$log" >&2 && fail "apt-get failed, run: apt-get install --no-install-recommends$missing"; }
}

find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
        [ -z "${PYTHON:-}" ] || fail "$PYTHON is not Python 3.11 or newer with venv"
    done
    fail "no Python 3.11 or newer with venv found; name one: PYTHON=/path/to/python3 make setup"
}

pip() {
    if [ -d bundle/wheels ]; then
        $python -m pip --quiet --disable-pip-version-check "$@" --no-index --find-links bundle/wheels
    else
        $python -m pip --quiet --disable-pip-version-check "$@"
    fi
}

# of this very folder (a copied or moved one names another in its scripts), with the Python it was made with
venv_is_sound() {
    grep -qsF "$root/$venv/bin/python" $venv/bin/pip && $python -c 'import pip' 2>/dev/null && same_python
}

exec 9<conf/setup.sh
flock -n 9 || { say "waiting for another one in this folder" && flock 9; }
if all_is_there; then exit 0; fi

install_packages
if ! venv_is_sound; then
    chosen=$(find_python)
    say "making $venv with $chosen"
    "$chosen" -m venv --clear $venv
fi
say "Python packages"
pip install -r conf/requirements.txt
engine_is_there || {
    say "compiling the engine"
    rm -f drivers/_engine.*.so
}
pip install --no-deps --no-build-isolation --editable .
say "speaking the prompts"
folder=$($python -c 'from simulators.rig.stage import prompt_cache; print(prompt_cache())')
$python -m cti.vru.prompts "$folder" >/dev/null
{
    stamp
    engine_stamp
    echo "$folder"
    echo "${PYTHON:-}"
} >$record.new
mv $record.new $record
