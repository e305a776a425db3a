-- A rider is asked about several deliveries and carries several. His row follows from the log and is built again by the
-- new version of the projection.
TRUNCATE riders;
ALTER TABLE riders
    DROP COLUMN offered,
    DROP COLUMN carrying,
    ADD COLUMN offered  text[] NOT NULL,
    ADD COLUMN carrying text[] NOT NULL;
