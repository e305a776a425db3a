-- A broker that was killed may deliver a message after its successors. So a sequence remembers which of the last
-- versions it took in, not only the highest; everything up to `floor` counts as taken in.
ALTER TABLE inbox_position
    ADD COLUMN floor  bigint   NOT NULL DEFAULT 0,
    ADD COLUMN recent bigint[] NOT NULL DEFAULT '{}';
UPDATE inbox_position SET floor = version;
