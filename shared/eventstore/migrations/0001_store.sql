-- The event store of one service. Runs with search_path set to the service's own schema.

CREATE TABLE streams (
    stream_id text PRIMARY KEY,
    category  text NOT NULL,
    version   bigint NOT NULL CHECK (version > 0)
) WITH (fillfactor = 70);

-- `data` and `metadata` are json, not jsonb: the exact text is kept, because the hash chain covers exact bytes.
-- `xid` and `seq` are for the sequencer alone: xid tells what a snapshot could see, seq the order of writing.
CREATE TABLE events (
    stream_id      text NOT NULL,
    version        bigint NOT NULL CHECK (version > 0),
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq            bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    event_id       text NOT NULL,
    type           text NOT NULL,
    schema_version integer NOT NULL,
    data           json NOT NULL,
    metadata       json NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (stream_id, version)
);
CREATE INDEX events_by_xid ON events (xid);

CREATE TABLE log (
    position  bigint PRIMARY KEY CHECK (position > 0),
    stream_id text NOT NULL,
    version   bigint NOT NULL,
    hash      bytea NOT NULL CHECK (length(hash) = 32),
    UNIQUE (stream_id, version)
);

-- One row: the end of the log, and the snapshot up to which every visible event is in it.
CREATE TABLE sequencer_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL,
    hash     bytea NOT NULL CHECK (length(hash) = 32),
    snapshot pg_snapshot NOT NULL
) WITH (fillfactor = 20);
INSERT INTO sequencer_state (position, hash, snapshot)
VALUES (0, decode(repeat('00', 32), 'hex'), '1:1:');

CREATE TABLE idempotency (
    key          text PRIMARY KEY,
    request_hash text NOT NULL,
    status       integer NOT NULL,
    body         text NOT NULL,
    headers      json NOT NULL,
    recorded_at  timestamptz NOT NULL
);

-- `due_at` is when the wait ends; `next_try_at` moves on when firing it failed, so that it blocks no other.
CREATE TABLE deadlines (
    stream_id   text NOT NULL,
    name        text NOT NULL,
    due_at      timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    last_error  text,
    PRIMARY KEY (stream_id, name)
);
CREATE INDEX deadlines_by_next_try ON deadlines (next_try_at);

CREATE TABLE follower_positions (
    name     text PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0)
) WITH (fillfactor = 20);

-- A data subject's wrapped key; NULL once the subject has been forgotten.
CREATE TABLE subjects (
    subject_id   text PRIMARY KEY,
    wrapped_key  bytea,
    forgotten_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (forgotten_at IS NOT NULL))
);

-- Counts forgettings, so that every process knows at once when the keys it remembers are out of date.
CREATE TABLE forgettings (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    count    bigint NOT NULL
);
INSERT INTO forgettings (count) VALUES (0);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- ALWAYS: session_replication_role must not switch the refusal off.
ALTER TABLE events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log ENABLE ALWAYS TRIGGER append_only;
