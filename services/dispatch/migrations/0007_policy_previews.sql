-- What a version of the policy would change, played on past days by a process of its own: asked for, under way, done.
-- `asked_at` and `finished_at` are the platform's time, `alive_at` is the wall's: who plays it says now and then that
-- he still does, and what nobody says for too long is taken up again.
CREATE TABLE policy_previews (
    preview_id  text PRIMARY KEY,
    number      integer NOT NULL,
    against     integer NOT NULL,
    document    jsonb NOT NULL,
    beside      jsonb NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'playing', 'done', 'failed')),
    asked_by    text NOT NULL,
    asked_at    timestamptz NOT NULL,
    finished_at timestamptz,
    alive_at    timestamptz,
    tries       integer NOT NULL DEFAULT 0,
    share       real NOT NULL DEFAULT 0,
    result      jsonb,
    error       text
);
CREATE INDEX policy_previews_of ON policy_previews (number, asked_at DESC);
CREATE UNIQUE INDEX policy_previews_open ON policy_previews (number, against) WHERE state IN ('waiting', 'playing');
