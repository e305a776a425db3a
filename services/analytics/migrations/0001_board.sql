-- Read models of the war room and the KPIs. All of them are folded from the log and can be rebuilt from it.

CREATE TABLE order_board (
    order_id text PRIMARY KEY,
    -- Place in the log of the last fact that touched this order: the page asks for what changed after it.
    position bigint NOT NULL,
    -- What must be remembered to fold the next fact.
    timeline jsonb NOT NULL,
    -- What it means; null until the order service has told that the order was placed.
    state text,
    merchant_id text,
    rider_id text,
    placed_at timestamptz,
    promised_at timestamptz,
    delivered_at timestamptz,
    failed_at timestamptz,
    ended_at timestamptz,
    excepted boolean,
    processing_minutes double precision,
    click_to_door_minutes double precision,
    ready_to_pickup_minutes double precision,
    on_time boolean,
    merchant_score smallint,
    rider_score smallint,
    platform_score smallint
);

CREATE INDEX order_board_position ON order_board (position);
CREATE INDEX order_board_placed ON order_board (placed_at);
CREATE INDEX order_board_open ON order_board (order_id) WHERE ended_at IS NULL;

CREATE TABLE rider_board (
    rider_id text PRIMARY KEY,
    position bigint NOT NULL,
    rider jsonb NOT NULL
);

CREATE TABLE merchant_names (
    merchant_id text PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE feed (
    position bigint PRIMARY KEY,
    item jsonb NOT NULL
);
