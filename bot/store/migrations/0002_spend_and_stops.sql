-- What each account's calls cost, by UTC day ('2026-03-10') and item. Costs are millionths of a US dollar.
CREATE TABLE spend (
    account TEXT NOT NULL,
    day TEXT NOT NULL,
    item TEXT NOT NULL,
    number INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    PRIMARY KEY (account, day, item)
) {strict};

-- Who asked the brand to stop, and in which mention. Nothing goes out to them on that network any more.
CREATE TABLE stops (
    network TEXT NOT NULL,
    author_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    mention_id INTEGER NOT NULL REFERENCES mentions (id),
    PRIMARY KEY (network, author_id)
) {strict};

-- When its network last said that a mention still stands; NULL where it is asked no more, or cannot be.
ALTER TABLE mentions ADD COLUMN checked_at INTEGER;
-- When its author took it down. From then on its words, and who wrote it, are no longer kept.
ALTER TABLE mentions ADD COLUMN deleted_at INTEGER;
CREATE INDEX mentions_to_recheck ON mentions (listener, checked_at) WHERE checked_at IS NOT NULL;

-- Whether the last poll failed because the credentials are no longer good; and when it may be asked again
-- what was deleted.
ALTER TABLE sources ADD COLUMN signed_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN recheck_at INTEGER NOT NULL DEFAULT 0;

UPDATE replies SET text = '' WHERE state IN ('draft', 'ready', 'refused', 'discarded')
    AND mention_id IN (SELECT id FROM mentions WHERE state = 'deleted');
UPDATE mentions SET text = '', url = '', author_handle = '', author_name = '', author_followers = NULL,
    analysis = NULL, deleted_at = COALESCE(ended_at, heard_at) WHERE state = 'deleted';
