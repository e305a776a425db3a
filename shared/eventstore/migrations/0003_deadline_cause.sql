-- The version of the event whose append set the wait: what follows when it runs out belongs to that event's trace.
ALTER TABLE deadlines ADD COLUMN set_by bigint NOT NULL DEFAULT 0 CHECK (set_by >= 0);
