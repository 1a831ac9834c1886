#!/bin/sh
# Installs the real servers that tests/servers/ talks to (Debian and its kin; needs root).
# Nothing is started: each test starts its own server, on loopback, in a folder of its own.
set -eu
export DEBIAN_FRONTEND=noninteractive

# Some of these packages start a system service as soon as they are installed; say no for them.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi

apt-get update -q
apt-get install -q -y --no-install-recommends \
    wordpress wordpress-theme-twentytwentyone mariadb-server \
    php-cli php-mysql php-curl php-xml php-mbstring

# Those that no Debian package brings, one file each.
for script in "$(dirname "$0")"/install-test-servers.d/*.sh; do
    [ -e "$script" ] && bash "$script"
done
