-- Where idle riders had better wait: a suggestion of the engine, gone as soon as a rider has something to do.
CREATE TABLE suggested_waits (
    rider_id     text PRIMARY KEY,
    lat          double precision NOT NULL,
    lon          double precision NOT NULL,
    suggested_at timestamptz NOT NULL
);
