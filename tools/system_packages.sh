#!/bin/sh
# Installs the Debian packages that tests and `bench` need, where they are missing: what they run against, and the C
# compiler of `make .venv/native`. Called with the Python whose headers it needs, which may bring them along.
set -eu
missing=""
for package in chromium redis-server fonts-dejavu-core fonts-liberation wrk gcc libc6-dev; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
include="$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')"
[ -f "$include/Python.h" ] || missing="$missing $("$1" -c 'import sys; print("python{}.{}-dev".format(*sys.version_info))')"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "Tests and bench need these Debian packages; install them as root: apt-get install$missing" >&2
    exit 1
fi
echo "set-up: Debian packages for tests and bench:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
