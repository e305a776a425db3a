-- What the provider is to be asked, what it told, and the read models of the double-entry book.

ALTER TABLE sandbox_payments
    ADD COLUMN movement text NOT NULL DEFAULT '',
    ADD COLUMN at timestamptz,
    ADD COLUMN told boolean NOT NULL DEFAULT false;
CREATE INDEX sandbox_payments_by_time ON sandbox_payments (at);

-- Webhooks that the sandbox will send.
CREATE TABLE sandbox_webhooks (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    idempotency_key text NOT NULL,
    due_at          timestamptz NOT NULL
);

-- One row an open errand: taken by whoever asks the provider, for as long as the lease runs, and gone once answered.
CREATE TABLE payment_errands (
    payment_id     text NOT NULL,
    name           text NOT NULL,
    order_id       text NOT NULL,
    errand         text NOT NULL,
    since          timestamptz NOT NULL,
    ready          boolean NOT NULL,
    attempts       integer NOT NULL DEFAULT 0,
    why            text,
    again_at       timestamptz,
    stuck          boolean NOT NULL DEFAULT false,
    caused_by      text NOT NULL,
    correlation_id text NOT NULL,
    traceparent    text,
    leased_until   timestamptz,
    PRIMARY KEY (payment_id, name)
) WITH (fillfactor = 70);
CREATE INDEX payment_errands_ready ON payment_errands (since) WHERE ready;
CREATE INDEX payment_errands_waiting ON payment_errands (since) WHERE NOT ready;

-- A provider tells everything at least once: what it told is known by the id that it gave it.
CREATE TABLE provider_events (
    provider    text NOT NULL,
    event_id    text NOT NULL,
    kind        text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (provider, event_id)
);

CREATE TABLE ledger_lines (
    payment_id text NOT NULL,
    version    bigint NOT NULL,
    line       integer NOT NULL,
    order_id   text NOT NULL,
    at         timestamptz NOT NULL,
    entry      text NOT NULL,
    movement   text NOT NULL,
    debit      text NOT NULL,
    credit     text NOT NULL,
    cents      bigint NOT NULL CHECK (cents > 0),
    currency   text NOT NULL,
    PRIMARY KEY (payment_id, version, line)
);
CREATE INDEX ledger_lines_moved ON ledger_lines (at) WHERE debit = 'provider_clearing' OR credit = 'provider_clearing';

-- Debits less credits.
CREATE TABLE account_balances (
    account  text NOT NULL,
    currency text NOT NULL,
    cents    bigint NOT NULL,
    PRIMARY KEY (account, currency)
) WITH (fillfactor = 50);

CREATE TABLE reconciliations (
    day        date NOT NULL,
    provider   text NOT NULL,
    at         timestamptz NOT NULL,
    report     jsonb NOT NULL,
    PRIMARY KEY (day, provider)
);
