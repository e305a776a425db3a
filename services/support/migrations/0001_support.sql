-- What support's lists are read from, built from the log.

-- `position` is that of the event that opened the case.
CREATE TABLE cases (
    case_id        text PRIMARY KEY,
    position       bigint NOT NULL,
    order_id       text NOT NULL,
    customer_id    text,
    merchant_id    text,
    number         integer NOT NULL,
    kind           text NOT NULL,
    severity       text NOT NULL,
    reasons        text[] NOT NULL,
    failure_reason text NOT NULL,
    goods          text NOT NULL,
    note           text NOT NULL,
    stage          text NOT NULL,
    agent_id       text,
    overdue        boolean NOT NULL,
    opened_at      timestamptz NOT NULL,
    decide_by      timestamptz,
    decision       text,
    decision_reason text NOT NULL,
    decided_at     timestamptz,
    outcome        text,
    closed_at      timestamptz,
    closed_by      text,
    version        bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX cases_by_urgency ON cases (severity, position);
CREATE INDEX cases_by_stage ON cases (stage, severity, position);
CREATE INDEX cases_by_order ON cases (order_id, position);
