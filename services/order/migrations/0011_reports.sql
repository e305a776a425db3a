-- What other services reported about an order, as it was told: shown in its timeline beside the order's own facts,
-- also where the order had nothing to do about it any more. Everybody was told, so nothing in it is personal.
CREATE TABLE order_reports (
    message_id  text PRIMARY KEY,
    order_id    text COLLATE "C" NOT NULL,
    source      text NOT NULL,
    type        text NOT NULL,
    actor       text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    heard_at    timestamptz NOT NULL,
    facts       jsonb NOT NULL
);
CREATE INDEX order_reports_by_order ON order_reports (order_id);
