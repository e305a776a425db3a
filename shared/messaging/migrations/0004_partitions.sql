-- The queues of the service's inbox, by generation: their number changes by filling a new generation while the old one
-- is emptied. What is current is what the service's processes read; `doorstep partitions` moves from one to the next.
CREATE TABLE inbox_generations (
    generation integer     PRIMARY KEY CHECK (generation > 0),
    partitions integer     NOT NULL CHECK (partitions BETWEEN 1 AND 256),
    state      text        NOT NULL CHECK (state IN ('filling', 'current', 'drained', 'removed')),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX one_generation_of_a_kind ON inbox_generations (state) WHERE state <> 'removed';

-- Which queues of the old generation were emptied up to a mark at their end: everything before it is committed.
CREATE TABLE inbox_drained (
    queue      text        NOT NULL,
    round      integer     NOT NULL,
    drained_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (queue, round)
);
