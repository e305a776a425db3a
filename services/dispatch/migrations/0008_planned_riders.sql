-- Whom the engine means to ask about a delivery that waits, when it is time: its last word, as `why` is.
ALTER TABLE waiting ADD COLUMN planned_rider_id text;
