-- What a user is typing, before it is saved: it survives a closed page, another machine and an ended session.
-- `reply_id` is 0 for a new draft. `seen`: the version of the conversation that they saw; `base`: the hash of
-- the draft as it stood when they began, empty for a new one.
CREATE TABLE typing (
    mention_id INTEGER NOT NULL REFERENCES mentions (id),
    reply_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    base TEXT NOT NULL,
    seen INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (mention_id, reply_id, user_id)
) {strict};

CREATE INDEX typing_by_age ON typing (at);

-- Who looks at a conversation.
CREATE TABLE presence (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, user_id)
) {strict};

-- What staff tell each other about a conversation; it is never sent.
CREATE TABLE notes (
    id {id},
    mention_id INTEGER NOT NULL REFERENCES mentions (id),
    actor TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    edited_at INTEGER
) {strict};

CREATE INDEX notes_by_mention ON notes (mention_id);

-- Accounts that are known to be one person's (the same `person`), and who said so, when. An account that nobody
-- linked has no row. `author_id` is that of `conversations`.
CREATE TABLE persons (
    network TEXT NOT NULL,
    author_id TEXT NOT NULL,
    person INTEGER NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (network, author_id)
) {strict};

CREATE INDEX persons_by_person ON persons (person);

-- Whose handle on another network is the same.
CREATE INDEX mentions_by_handle ON mentions (LOWER(author_handle)) WHERE author_handle <> '';
