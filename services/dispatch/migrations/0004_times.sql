-- What forecasts are learned from and what was last told, both from the log alone.

-- `state` is the folded journey; `ended_at` of those that were delivered.
CREATE TABLE journeys (
    delivery_id text PRIMARY KEY,
    version     bigint NOT NULL,
    rider_id    text NOT NULL,
    ended_at    timestamptz,
    state       jsonb NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX journeys_to_learn_from ON journeys (ended_at DESC) WHERE ended_at IS NOT NULL;

-- Vehicles by rider, apart from the list of riders, so that this model follows from the log alone.
CREATE TABLE vehicles (
    rider_id text PRIMARY KEY,
    vehicle  text NOT NULL
);

CREATE TABLE etas (
    delivery_id text PRIMARY KEY,
    version     bigint NOT NULL,
    state       jsonb NOT NULL
) WITH (fillfactor = 70);
