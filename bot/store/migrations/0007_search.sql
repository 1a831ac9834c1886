-- What analysis, or whoever corrected it, takes a mention for.
ALTER TABLE mentions ADD COLUMN sentiment {sentiment};
ALTER TABLE mentions ADD COLUMN intent {intent};

-- What the queue may be narrowed by stands beside its order, so that any view of it is read from the index
-- alone.
DROP INDEX mentions_inbox;
CREATE INDEX mentions_inbox ON mentions (
    addressed DESC, due_at, id, state, network, process, priority, intent, sentiment, assignee)
    WHERE state IN ('waiting', 'escalated', 'answering');
CREATE INDEX mentions_assigned ON mentions (assignee, addressed DESC, due_at, id)
    WHERE state IN ('waiting', 'escalated', 'answering') AND assignee <> '';
CREATE INDEX mentions_over ON mentions (state, id) WHERE state IN ('answered', 'exempted', 'deleted');

CREATE INDEX escalations_unanswered ON escalations (opened_at, id)
    WHERE closed_at IS NULL AND acknowledged_at IS NULL;
CREATE INDEX escalations_answered ON escalations (acknowledged_at, id)
    WHERE closed_at IS NULL AND acknowledged_at IS NOT NULL;

-- A queue narrowed in a certain way, named by a user. `query`: the part of its address behind the "?".
CREATE TABLE saved_views (
    id {id},
    user_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    UNIQUE (user_id, name)
) {strict};

-- What can be found by its words: each mention whose words are kept, who wrote it, and what the brand answered.
{full_text}
