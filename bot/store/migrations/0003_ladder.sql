-- On what the promise in force was made (JSON: priority, process, author tier, goal, since); NULL: as for any
-- address that was just heard, counted from its post.
ALTER TABLE mentions ADD COLUMN terms TEXT;
UPDATE mentions SET terms = '{{"priority":"' || priority || '","process":"' || process || '"}}'
    WHERE due_at IS NOT NULL AND (priority <> 'normal' OR process <> 'service');

-- By when the process must say what came of it, when that rings, and what it said.
ALTER TABLE mentions ADD COLUMN outcome_due_at INTEGER;
ALTER TABLE mentions ADD COLUMN outcome_alarm_at INTEGER;
ALTER TABLE mentions ADD COLUMN outcome TEXT
    CHECK (outcome IN ('accepted', 'resolved', 'converted', 'shipped', 'declined'));
CREATE INDEX mentions_outcomes ON mentions (outcome_alarm_at) WHERE outcome_alarm_at IS NOT NULL;

-- What may be part of a crisis: 1 a complaint, 2 words of a crisis, 3 both.
ALTER TABLE mentions ADD COLUMN sign INTEGER;
CREATE INDEX mentions_signs ON mentions (posted_at, sign) WHERE sign IS NOT NULL;

CREATE TABLE crises (
    id {id},
    since INTEGER NOT NULL,
    threshold INTEGER NOT NULL,
    why TEXT NOT NULL,
    ended_at INTEGER
) {strict};
CREATE UNIQUE INDEX crises_on ON crises (id) WHERE ended_at IS NULL;

-- `tier` is that of the people called last, counted from 1; `repeats`: how often they were called again in
-- vain. What was acknowledged rings again in its time.
ALTER TABLE escalations ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
UPDATE escalations SET ring_at = acknowledged_at + 14400000
    WHERE closed_at IS NULL AND acknowledged_at IS NOT NULL;
DROP INDEX escalations_ringing;
CREATE INDEX escalations_ringing ON escalations (ring_at) WHERE closed_at IS NULL;

-- Since when nobody knows whether it was posted.
ALTER TABLE replies ADD COLUMN unsure_since INTEGER;
UPDATE replies SET unsure_since = approved_at WHERE state = 'unsure';
