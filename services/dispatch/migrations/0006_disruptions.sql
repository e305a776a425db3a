-- What hinders riders, as far as the log says, so that those in force are found without reading any stream.
CREATE TABLE disruptions (
    disruption_id text PRIMARY KEY,
    version       bigint NOT NULL,
    state         jsonb NOT NULL,
    kind          text NOT NULL,
    starts_at     timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    lifted        boolean NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX disruptions_going_on ON disruptions (until) WHERE NOT lifted;
