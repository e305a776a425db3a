-- The order service's read models, and the books of its sandbox payment provider.

-- Ids are UUIDv7: ordering by them is ordering by time. "C" keeps that true whatever the database's collation.
CREATE TABLE order_list (
    order_id      text COLLATE "C" PRIMARY KEY,
    customer_id   text NOT NULL,
    merchant_id   text NOT NULL,
    merchant_name text NOT NULL,
    kind          text NOT NULL,
    state         text NOT NULL,
    payment_state text NOT NULL,
    item_count    integer NOT NULL,
    total_cents   bigint NOT NULL,
    currency      text NOT NULL,
    placed_at     timestamptz NOT NULL,
    promised_at   timestamptz NOT NULL,
    ready_at      timestamptz,
    rider_id      text,
    version       bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX order_list_by_customer ON order_list (customer_id, order_id DESC);
CREATE INDEX order_list_by_merchant ON order_list (merchant_id, order_id DESC);

CREATE TABLE merchant_list (
    merchant_id         text COLLATE "C" PRIMARY KEY,
    name                text NOT NULL,
    lat                 double precision NOT NULL,
    lon                 double precision NOT NULL,
    address             text NOT NULL,
    service_radius_m    integer NOT NULL,
    preparation_minutes integer NOT NULL,
    missed_answers      integer NOT NULL
);

-- One row an errand: the same key is answered the same way for ever, which is what a payment provider promises.
CREATE TABLE sandbox_payments (
    idempotency_key text PRIMARY KEY,
    payment_id      text NOT NULL,
    errand          text NOT NULL,
    amount_cents    bigint NOT NULL,
    currency        text NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('approved', 'declined', 'unavailable')),
    asked           integer NOT NULL
);
CREATE INDEX sandbox_payments_by_payment ON sandbox_payments (payment_id);
