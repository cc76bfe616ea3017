#!/bin/sh
# Packs dist/tipring-bundle-VERSION-ARCH.tar.gz for a site without a network: the sources at HEAD, every Debian package
# of conf/debian-packages.txt with all that they depend on (a small apt archive), and every Python wheel.
# On the site (Debian of the same release, git and make not even needed beforehand): tar xf, cd, `make demo` or
# `make test`. Where make itself is missing: `sh conf/setup.sh` brings it.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
version=$($python -c 'from importlib.metadata import version; print(version("tipring"))')
name=tipring-bundle-$version-$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/$name
debs=$tree/bundle/debs
mkdir -p "$debs/partial" "$tree/bundle/wheels" dist

git diff --quiet HEAD || echo "bundle: the sources are those of HEAD; what is not committed stays behind" >&2
git archive HEAD | tar x -C "$tree"

echo "bundle: Debian packages"
# as if nothing were installed: then apt fetches all that is depended upon, in versions that fit together
: >"$work/status"
sed 's/#.*//' conf/debian-packages.txt | xargs apt-get -qq -y --no-install-recommends --download-only \
    -o Dir::State::status="$work/status" -o Dir::Cache::archives="$debs" -o Dir::Cache::pkgcache= \
    -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 -o APT::Sandbox::User=root install >/dev/null
rm -rf "$debs/partial" "$debs/lock"
(
    cd "$debs"
    for deb in *.deb; do
        dpkg-deb --field "$deb"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
            "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -c1-64)"
    done >Packages
)

echo "bundle: Python wheels"
$python -m pip --quiet --disable-pip-version-check wheel --wheel-dir "$tree/bundle/wheels" -r conf/requirements.txt

echo "bundle: packing"
tar cf - -C "$work" "$name" | gzip >"dist/$name.tar.gz.new"
mv "dist/$name.tar.gz.new" "dist/$name.tar.gz"
ls -lh "dist/$name.tar.gz"
