-- Who may sign in. `folded` is the name as it is compared, since phones write a capital where nobody meant one.
-- `password` is an argon2id hash, empty until they set one by their one-time link; `totp` the secret of the
-- second factor, empty where there is none, `totp_step` the last step of which a code was taken. `left_at`:
-- nobody signs in under this name any more; the name stays, since the log holds it.
CREATE TABLE users (
    id {id},
    name TEXT NOT NULL UNIQUE,
    folded TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'agent', 'lead', 'admin')),
    lang TEXT NOT NULL DEFAULT '',
    password TEXT NOT NULL DEFAULT '',
    totp TEXT NOT NULL DEFAULT '',
    totp_step INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    left_at INTEGER
) {strict};

-- `token` is the SHA-256 of what the browser holds. `totp`: the secret of a second factor that is being set up.
CREATE TABLE sessions (
    token TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    csrf TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    browser TEXT NOT NULL DEFAULT '',
    totp TEXT NOT NULL DEFAULT ''
) {strict};

CREATE INDEX sessions_by_user ON sessions (user_id);

-- Whose password was right, and who still owes the code of their second factor.
CREATE TABLE half_signed_in (
    token TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    expires_at INTEGER NOT NULL
) {strict};

-- One-time links, by which somebody sets a password. `token` is the SHA-256 of what the link holds; without a
-- user it makes the first administrator.
CREATE TABLE invitations (
    token TEXT PRIMARY KEY,
    user_id INTEGER REFERENCES users (id),
    expires_at INTEGER NOT NULL
) {strict};

-- Attempts to sign in, of a name, of an address, and of both together; `key` is a keyed hash of them.
CREATE TABLE attempts (
    key TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    locked_until INTEGER NOT NULL
) {strict};
