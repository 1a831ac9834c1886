-- When it was said when it rings next: later than now, the clock was set back since.
ALTER TABLE escalations ADD COLUMN set_at INTEGER NOT NULL DEFAULT 0;
