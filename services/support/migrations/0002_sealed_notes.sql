-- The note of a case may tell of a person: the list keeps it as the event does, sealed under the customer's key.
ALTER TABLE cases DROP COLUMN note;
ALTER TABLE cases ADD COLUMN sealed_note text;
