-- One text for SQLite and PostgreSQL. Each engine fills in the words in braces: a growing integer key, strict
-- typing, and how it refuses UPDATE and DELETE on a table.
-- Instants are integers: milliseconds since 1970-01-01 UTC. Truth values are 0 and 1. JSON is TEXT.

-- Each promise names the policy it was made under, so that it can be recomputed years later.
CREATE TABLE policies (
    version TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    since INTEGER NOT NULL
) {strict};

-- The thread of mentions and answers with one person. `version` grows with every change and is what a
-- human saw; `said` grows only when somebody says something: each mention keeps its place in that count,
-- and an approval is bound to it.
CREATE TABLE conversations (
    id {id},
    network TEXT NOT NULL,
    thread TEXT NOT NULL,
    author_id TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    said INTEGER NOT NULL DEFAULT 1,
    UNIQUE (network, thread, author_id)
) {strict};

CREATE INDEX conversations_by_author ON conversations (network, author_id);

CREATE TABLE mentions (
    id {id},
    network TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    listener TEXT NOT NULL,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_handle TEXT NOT NULL,
    author_name TEXT NOT NULL,
    author_followers INTEGER,
    text TEXT NOT NULL,
    lang TEXT NOT NULL,
    in_reply_to TEXT NOT NULL,
    said INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    edited_at INTEGER,
    addressed INTEGER NOT NULL CHECK (addressed IN (0, 1)),
    state TEXT NOT NULL DEFAULT 'new' CHECK (state IN (
        'new', 'ignored', 'waiting', 'escalated', 'answering', 'answered', 'exempted', 'deleted')),
    priority TEXT NOT NULL DEFAULT 'normal',
    process TEXT NOT NULL DEFAULT 'service',
    due_at INTEGER,
    policy TEXT REFERENCES policies (version),
    tier INTEGER NOT NULL DEFAULT 0,
    alarm_at INTEGER,
    assignee TEXT NOT NULL DEFAULT '',
    analysis TEXT,
    lease_until INTEGER,
    ended_at INTEGER,
    UNIQUE (network, remote_id),
    CONSTRAINT an_address_is_never_ignored CHECK (addressed = 0 OR state <> 'ignored'),
    CONSTRAINT an_address_has_a_promise CHECK (addressed = 0 OR (due_at IS NOT NULL AND policy IS NOT NULL))
) {strict};

CREATE INDEX mentions_new ON mentions (id) WHERE state = 'new';
CREATE INDEX mentions_inbox ON mentions (addressed DESC, due_at, id)
    WHERE state IN ('waiting', 'escalated', 'answering');
CREATE INDEX mentions_alarms ON mentions (alarm_at) WHERE alarm_at IS NOT NULL;
CREATE INDEX mentions_by_conversation ON mentions (conversation_id);

CREATE TABLE replies (
    id {id},
    mention_id INTEGER NOT NULL REFERENCES mentions (id),
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    responder TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'draft', 'ready', 'sending', 'sent', 'refused', 'unsure', 'discarded')),
    text TEXT NOT NULL,
    template TEXT NOT NULL,
    candidate INTEGER NOT NULL,
    cut INTEGER NOT NULL DEFAULT 0 CHECK (cut IN (0, 1)),
    created_at INTEGER NOT NULL,
    approved_by TEXT,
    approved_at INTEGER,
    approved_hash TEXT,
    approved_said INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    remote_id TEXT NOT NULL DEFAULT '',
    url TEXT NOT NULL DEFAULT '',
    CONSTRAINT what_goes_out_was_approved CHECK (
        state NOT IN ('ready', 'sending', 'sent', 'unsure')
        OR (approved_by IS NOT NULL AND approved_hash IS NOT NULL AND approved_said IS NOT NULL))
) {strict};

CREATE INDEX replies_by_mention ON replies (mention_id);
CREATE INDEX replies_ready ON replies (responder, not_before) WHERE state = 'ready';
CREATE INDEX replies_sending ON replies (lease_until) WHERE state = 'sending';
CREATE INDEX replies_unsure ON replies (responder, not_before) WHERE state = 'unsure';

-- What the brand said: replies of ours that the network confirmed, and answers given natively.
CREATE TABLE answers (
    id {id},
    network TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    in_reply_to TEXT NOT NULL,
    thread TEXT NOT NULL,
    reply_id INTEGER REFERENCES replies (id),
    text TEXT NOT NULL,
    url TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    UNIQUE (network, remote_id)
) {strict};

CREATE INDEX answers_by_parent ON answers (network, in_reply_to);

-- One open row for each matter that must ring until somebody acknowledges it.
CREATE TABLE escalations (
    id {id},
    key TEXT NOT NULL,
    mention_id INTEGER REFERENCES mentions (id),
    reason TEXT NOT NULL,
    subject TEXT NOT NULL,
    tier INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER NOT NULL,
    ring_at INTEGER NOT NULL,
    rings INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    acknowledged_by TEXT,
    acknowledged_at INTEGER,
    closed_at INTEGER
) {strict};

CREATE UNIQUE INDEX escalations_open ON escalations (key) WHERE closed_at IS NULL;
CREATE INDEX escalations_ringing ON escalations (ring_at)
    WHERE closed_at IS NULL AND acknowledged_at IS NULL;
CREATE INDEX escalations_by_mention ON escalations (mention_id) WHERE closed_at IS NULL;

-- What a human said a mention really is: shown instead of the tags, and what training learns from.
CREATE TABLE corrections (
    id {id},
    mention_id INTEGER NOT NULL REFERENCES mentions (id),
    labels TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL
) {strict};

CREATE INDEX corrections_by_mention ON corrections (mention_id);

-- What each listener has heard, and since when and until when that is complete.
CREATE TABLE sources (
    listener TEXT PRIMARY KEY,
    cursor TEXT,
    since INTEGER NOT NULL,
    complete_from INTEGER,
    complete_to INTEGER,
    retry_at INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    error TEXT NOT NULL DEFAULT ''
) {strict};

CREATE TABLE gaps (
    id {id},
    listener TEXT NOT NULL REFERENCES sources (listener),
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL
) {strict};

-- Append-only and hash-chained: hash = sha256(hash of the row before, then the row). Holds ids, hashes,
-- times and names of staff, never a person's words, so that erasing somebody leaves the proof whole.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    mention_id INTEGER,
    reply_id INTEGER,
    source TEXT,
    actor TEXT NOT NULL,
    data TEXT NOT NULL,
    hash TEXT NOT NULL
) {strict};

CREATE INDEX events_by_mention ON events (mention_id);

{forbid_change}

-- The last link, so that a tail cut off the log is noticed.
CREATE TABLE chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
) {strict};

INSERT INTO chain (id, seq, hash)
    VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
