-- What reports count, so that a month of it is counted from narrow indexes alone.

-- When an address had its first answer: as the network says, else when the answer to another one of that
-- person's was noticed. A holding reply is none. Kept by a trigger, whichever way it was answered.
ALTER TABLE mentions ADD COLUMN answered_at INTEGER;
UPDATE mentions SET answered_at = COALESCE((
    SELECT MIN(a.posted_at) FROM answers a LEFT JOIN replies r ON r.id = a.reply_id
    WHERE a.network = mentions.network AND a.in_reply_to = mentions.remote_id AND COALESCE(r.holding, 0) = 0
), ended_at) WHERE state = 'answered';
{note_when_answered}

-- The column of each condition stands in its index too: else the rows themselves would be read for it.
CREATE INDEX mentions_addresses ON mentions (
    posted_at, network, process, state, due_at, answered_at, addressed) WHERE addressed = 1;
CREATE INDEX mentions_tags ON mentions (posted_at, network, process, addressed, sentiment, intent, kind)
    WHERE kind <> 'share';
CREATE INDEX mentions_shares ON mentions (posted_at, network, process, author_followers, kind)
    WHERE kind = 'share';
CREATE INDEX mentions_by_outcome ON mentions (posted_at, network, process, outcome, outcome_due_at, addressed)
    WHERE addressed = 1 AND (outcome IS NOT NULL OR outcome_due_at IS NOT NULL);
CREATE INDEX escalations_opened ON escalations (opened_at);

-- The proofs that somebody asked for, with what they found (JSON; NULL while one is worked out).
CREATE TABLE proofs (
    id {id},
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    done_at INTEGER,
    found TEXT
) {strict};
