-- An answer about a person is kept without them in `body`, and whole in `sealed`, under the key of `subject_id`.
ALTER TABLE idempotency
    ADD COLUMN subject_id text,
    ADD COLUMN sealed     text,
    ADD CHECK (sealed IS NULL OR subject_id IS NOT NULL);
CREATE INDEX idempotency_by_subject ON idempotency (subject_id) WHERE sealed IS NOT NULL;
