-- Prices that were told and hold for some minutes. Not history: rows go once they have expired.
CREATE TABLE quotes (
    quote_id   text PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    quote      jsonb NOT NULL
);
CREATE INDEX quotes_by_expiry ON quotes (expires_at);
