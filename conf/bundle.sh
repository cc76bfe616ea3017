#!/bin/sh
# Packs dist/tipring-bundle-VERSION.tar.gz for a site without a network: the sources at HEAD, every Debian package of
# conf/debian-packages.txt with all that they depend on (a small apt archive), and every Python wheel.
# On the site: tar xf, cd, `make demo` or `make test`.
set -eu
cd "$(dirname "$0")/.."
version=$(.venv/bin/python setup.py --version 2>/dev/null | tail -n 1)
name=tipring-bundle-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/$name
mkdir -p "$tree" dist
git archive HEAD | tar x -C "$tree"
mkdir -p "$tree/bundle/debs" "$tree/bundle/wheels"

echo "bundle: Debian packages"
packages=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' conf/debian-packages.txt)
# shellcheck disable=SC2086
closure=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances $packages | grep '^[a-z0-9]' | sort -u)
for package in $closure; do
    # a virtual package has no candidate of its own
    if apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]'; then echo "$package"; fi
done > "$work/list"
(cd "$tree/bundle/debs" && xargs -a "$work/list" apt-get -qq -o APT::Sandbox::User=root download)
(cd "$tree/bundle/debs" && apt-ftparchive packages . > Packages)

echo "bundle: Python wheels"
.venv/bin/python -m pip --quiet --disable-pip-version-check wheel --wheel-dir "$tree/bundle/wheels" \
    -r conf/requirements.txt pip

echo "bundle: packing"
tar czf "dist/$name.tar.gz" -C "$work" "$name"
ls -lh "dist/$name.tar.gz"
