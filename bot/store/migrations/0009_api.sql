-- With what programs come to the API, in the name of a user. `token` is the SHA-256 of what the program holds.
-- `used_at`: the last use, to the minute.
CREATE TABLE tokens (
    id {id},
    user_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'act', 'admin')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER
) {strict};

CREATE INDEX tokens_by_user ON tokens (user_id);

-- How far the event log was looked through for each webhook of config.
CREATE TABLE webhooks (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) {strict};

-- One event for one webhook, and how its last delivery went. `since`: from when on it is tried (again);
-- `request` is what was sent, but for the person's words, and `answer` how what came back begins.
CREATE TABLE hook_deliveries (
    id {id},
    webhook TEXT NOT NULL REFERENCES webhooks (name),
    seq INTEGER NOT NULL REFERENCES events (seq),
    kind TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    since INTEGER NOT NULL,
    try_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    took INTEGER,
    status INTEGER,
    request TEXT NOT NULL DEFAULT '',
    answer TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    UNIQUE (webhook, seq)
) {strict};

CREATE INDEX hook_deliveries_due ON hook_deliveries (webhook, try_at) WHERE state = 'waiting';
CREATE INDEX hook_deliveries_failed ON hook_deliveries (webhook) WHERE state = 'failed';
CREATE INDEX hook_deliveries_over ON hook_deliveries (webhook, tried_at) WHERE state <> 'waiting';
