#!/bin/sh
# Puts snac2, a small server that speaks the Mastodon API and ActivityPub, where tests/servers/test_mastodon.py
# looks for it: $VIGIE_SNAC, or ~/.cache/vigie-test/snac. From Debian's backports, unpacked and not installed:
# nothing of the system is touched, and nobody needs to be root. Nothing is started. Safe to repeat.
set -eu
place="${VIGIE_SNAC:-$HOME/.cache/vigie-test/snac}"
version="2.75-2~bpo12+1"

if [ -x "$place/usr/bin/snac" ] && [ "$(cat "$place/.installed" 2>/dev/null)" = "$version" ]; then
    exit 0
fi
apt="$place/apt"
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "http://deb.debian.org/debian bookworm-backports main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<EOF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
APT::Sandbox::User "$(id -un)";
EOF
(
    cd "$apt"
    APT_CONFIG="$apt/apt.conf"
    export APT_CONFIG
    apt-get update -q
    apt-get download -q "snac2=$version"
)
dpkg-deb -x "$apt"/snac2_*.deb "$place"
rm -r "$apt"
echo "$version" >"$place/.installed"

# What it needs at run time, and the tool that lets it listen on port 80.
if ldd "$place/usr/bin/snac" | grep -q 'not found' || ! command -v setpriv >/dev/null; then
    apt-get install -q -y --no-install-recommends libcurl4 libssl3 util-linux
fi
