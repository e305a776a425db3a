-- What has been heard, per handler and sequence. A sequence is one stream of one source under one partition key:
-- that is what the broker keeps in order. `version` is the last one taken in, handled or parked.
CREATE TABLE inbox_position (
    handler       text    NOT NULL,
    source        text    NOT NULL,
    stream_id     text    NOT NULL,
    partition_key text    NOT NULL,
    version       bigint  NOT NULL,
    parked        integer NOT NULL DEFAULT 0 CHECK (parked >= 0),
    PRIMARY KEY (handler, source, stream_id, partition_key)
);

-- Messages set aside: the one that failed, and all that came behind it in its sequence.
CREATE TABLE parked (
    parked_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handler       text        NOT NULL,
    source        text        NOT NULL,
    stream_id     text        NOT NULL,
    partition_key text        NOT NULL,
    sequence      bigint      NOT NULL,
    message_id    text        NOT NULL,
    type          text        NOT NULL,
    body          bytea,
    cause         text        NOT NULL CHECK (cause IN ('refused', 'failed', 'unreadable', 'behind')),
    error         text        NOT NULL,
    tries         integer     NOT NULL,
    state         text        NOT NULL DEFAULT 'parked' CHECK (state IN ('parked', 'retried', 'skipped')),
    parked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at      timestamptz,
    settled_at    timestamptz,
    settled_by    text,
    reason        text
);
CREATE UNIQUE INDEX parked_waiting ON parked (handler, source, stream_id, partition_key, sequence)
    WHERE state = 'parked';

-- How far the service's own log has been confirmed by the broker.
CREATE TABLE relay_position (
    relay    text   PRIMARY KEY,
    position bigint NOT NULL
);
