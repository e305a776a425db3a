-- What was granted in a case, and what became of it.
ALTER TABLE cases ADD COLUMN compensations jsonb NOT NULL DEFAULT '[]';
