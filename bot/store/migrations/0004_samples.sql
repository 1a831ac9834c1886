-- Each time that an address was closed without an answer. The log holds the same; here it can be looked for.
-- `rule`: a rule of config closed it. Of those, some of each day are `sampled`: a human says whether it was
-- right (`verdict`).
CREATE TABLE exemptions (
    id {id},
    mention_id INTEGER NOT NULL REFERENCES mentions (id),
    reason TEXT NOT NULL,
    rule INTEGER NOT NULL CHECK (rule IN (0, 1)),
    at INTEGER NOT NULL,
    reopened_at INTEGER,
    sampled INTEGER NOT NULL DEFAULT 0 CHECK (sampled IN (0, 1)),
    verdict TEXT NOT NULL DEFAULT '' CHECK (verdict IN ('', 'ok', 'wrong')),
    CONSTRAINT what_is_judged_was_sampled CHECK (verdict = '' OR sampled = 1)
) {strict};

CREATE UNIQUE INDEX exemptions_in_force ON exemptions (mention_id) WHERE reopened_at IS NULL;
CREATE INDEX exemptions_at ON exemptions (at);
CREATE INDEX exemptions_by_rule ON exemptions (at) WHERE rule = 1;
CREATE INDEX exemptions_to_look_at ON exemptions (id) WHERE sampled = 1 AND verdict = '';

INSERT INTO exemptions (mention_id, reason, rule, at)
    SELECT e.mention_id, REPLACE(REPLACE(e.data, '{{"reason":"', ''), '"}}', ''), 0, e.at
    FROM events e JOIN mentions m ON m.id = e.mention_id
    WHERE m.state = 'exempted' AND e.kind = 'exempted' AND e.seq = (
        SELECT MAX(l.seq) FROM events l WHERE l.mention_id = e.mention_id AND l.kind = 'exempted');

-- The daily digests: the day that one is about, when to try (again), and when it reached somebody.
CREATE TABLE digests (
    day TEXT PRIMARY KEY,
    try_at INTEGER NOT NULL,
    sent_at INTEGER
) {strict};
