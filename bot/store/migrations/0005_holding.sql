-- A holding reply says that somebody will look into it. It answers nothing: the promise runs on.
ALTER TABLE replies ADD COLUMN holding INTEGER NOT NULL DEFAULT 0 CHECK (holding IN (0, 1));
