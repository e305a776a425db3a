-- At which provider money moved, what customers owe, and refunds that the sandbox's bank sends back.

ALTER TABLE ledger_lines ADD COLUMN provider text NOT NULL DEFAULT '';
UPDATE ledger_lines SET provider = 'sandbox' WHERE movement <> '';

-- One row an order whose dearer price could not be taken.
CREATE TABLE payment_dues (
    payment_id  text PRIMARY KEY,
    order_id    text NOT NULL,
    customer_id text NOT NULL,
    currency    text NOT NULL,
    due_cents   bigint NOT NULL CHECK (due_cents > 0),
    reason      text NOT NULL,
    since       timestamptz NOT NULL,
    tries       integer NOT NULL,
    again_at    timestamptz
);

ALTER TABLE sandbox_payments ADD COLUMN failed_at timestamptz;
CREATE INDEX sandbox_payments_failed ON sandbox_payments (failed_at) WHERE failed_at IS NOT NULL;
ALTER TABLE sandbox_webhooks ADD COLUMN failed boolean NOT NULL DEFAULT false;
