#!/bin/sh
# The IMAP server that tests/servers/test_mailbox.py talks to: Debian's dovecot, and openssl for its certificate.
# The SMTP server (aiosmtpd) comes with the other Python packages for tests. Nothing is started. Safe to repeat.
set -eu

if ! command -v dovecot >/dev/null || ! command -v openssl >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends dovecot-imapd openssl
fi
