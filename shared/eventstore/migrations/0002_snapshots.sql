-- Long streams are folded from here. Nothing but a shorter way: whoever deletes rows loses time, no fact.
-- Personal fields of `state` are sealed like those of events.
CREATE TABLE snapshots (
    stream_id    text PRIMARY KEY,
    version      bigint NOT NULL CHECK (version > 0),
    fold_version integer NOT NULL,
    state        json NOT NULL,
    taken_at     timestamptz NOT NULL
) WITH (fillfactor = 70);
