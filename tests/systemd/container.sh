#!/bin/sh
# Process 1 of the container becomes systemd. Called in namespaces of its own: mounts, processes, cgroup, network, names.
#   container.sh PROJECT WORK      WORK: a folder below /dev/shm; the file log in it is what the checks say
set -e
project=$1 log=$2/log work=$2/work
mount --make-rprivate /
mkdir -p "$work/etc" "$work/fixed"
mount -t cgroup2 cgroup2 /sys/fs/cgroup

# the host's /etc without its services, with the system user that docs/install.md makes
cp -a /etc/. "$work/etc"
rm -rf "$work/etc/systemd/system" "$work/etc/systemd/user"
units=$work/etc/systemd/system
mkdir -p "$units"
cp "$project"/conf/systemd/*.service "$project"/tests/systemd/*.service "$project"/tests/systemd/*.target "$units"
cp -r "$project/tests/systemd/tipring-dahdi.service.d" "$units"
sed -i "s|@LOG@|$log|" "$units/checks.service"
for unit in /lib/systemd/system/*.target.wants/*; do
    case ${unit##*/} in systemd-journald*) ;; *) ln -sf /dev/null "$units/${unit##*/}" ;; esac
done
grep -q '^tipring:' "$work/etc/passwd" || {
    echo 'tipring:x:990:990::/var/lib/tipring:/usr/sbin/nologin' >>"$work/etc/passwd"
    echo 'tipring:x:990:' >>"$work/etc/group"
}
mount --bind "$work/etc" /etc

# the project where docs/install.md puts it: nothing may depend on where it was made
mount -t tmpfs tmpfs /opt
mkdir /opt/tipring
mount --bind "$project" /opt/tipring
for file in /opt/tipring/.venv/bin/tipring /opt/tipring/.venv/lib/python3*/site-packages/__editable__*; do
    sed "s|$project|/opt/tipring|g" "$file" >"$work/fixed/${file##*/}"
    chmod --reference="$file" "$work/fixed/${file##*/}"
    mount --bind "$work/fixed/${file##*/}" "$file"
done
for there in /run /tmp /var/tmp /var/lib /var/log; do
    mount -t tmpfs -o mode=1777 tmpfs $there
done
chmod 755 /run /var/lib /var/log
install -d -o tipring -g tipring /var/lib/world
ip link set lo up
exec env -i container=tests PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=checks.target --show-status=no --log-target=journal
