-- What the broker gave up delivering is parked too, so that operators have one place to look.
ALTER TABLE parked DROP CONSTRAINT parked_cause_check;
ALTER TABLE parked ADD CONSTRAINT parked_cause_check
    CHECK (cause IN ('refused', 'failed', 'unreadable', 'behind', 'dead'));
-- Whether a message was ever parked must be told soon, however many were.
CREATE INDEX parked_by_message ON parked (handler, message_id);
