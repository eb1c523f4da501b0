#!/bin/sh
# Installs the Debian packages that tests and `bench` run against, where they are missing.
set -eu
missing=""
for package in chromium redis-server fonts-dejavu-core fonts-liberation wrk; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
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
