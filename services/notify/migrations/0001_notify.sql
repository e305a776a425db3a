-- What notify reads from: lists for its gateway, the mails still to send, and the contacts it must forget again.

-- Personal data: the only place of this service where a name or an address is kept, and only while an order lives.
CREATE TABLE contacts (
    order_id    text PRIMARY KEY,
    customer_id text NOT NULL,
    name        text NOT NULL,
    email       text,
    source      text NOT NULL,
    closing     boolean NOT NULL DEFAULT false
);

CREATE TABLE merchants (
    merchant_id text PRIMARY KEY,
    name        text NOT NULL
);

-- `position` is that of the request in the log: of mails that are due at once the older news goes first.
CREATE TABLE mail_queue (
    notification_id text PRIMARY KEY,
    position        bigint NOT NULL,
    order_id        text NOT NULL,
    due_at          timestamptz NOT NULL
);
CREATE INDEX mail_queue_by_due ON mail_queue (due_at, position);
CREATE INDEX mail_queue_by_order ON mail_queue (order_id);

-- `position` is that of the event that made the row, and orders every list.
CREATE TABLE notifications (
    notification_id text PRIMARY KEY,
    position        bigint NOT NULL,
    recipient_id    text NOT NULL,
    role            text NOT NULL,
    medium          text NOT NULL,
    template        text NOT NULL,
    params          jsonb NOT NULL,
    language        text,
    order_id        text NOT NULL,
    occurred_at     timestamptz NOT NULL,
    progress        text NOT NULL,
    sent_at         timestamptz,
    read_at         timestamptz,
    failure         text
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX notifications_by_position ON notifications (position DESC);
CREATE INDEX notifications_by_recipient ON notifications (recipient_id, position DESC);
CREATE INDEX notifications_by_order ON notifications (order_id, position DESC);

CREATE TABLE alerts (
    alert_id        text PRIMARY KEY,
    position        bigint NOT NULL,
    kind            text NOT NULL,
    order_id        text NOT NULL,
    delivery_id     text NOT NULL,
    params          jsonb NOT NULL,
    attention       text NOT NULL,
    level           integer NOT NULL,
    asked           text NOT NULL,
    raised_at       timestamptz NOT NULL,
    acknowledge_by  timestamptz,
    acknowledged_by text,
    acknowledged_at timestamptz,
    settled_because text,
    version         bigint NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX alerts_by_position ON alerts (position DESC);
CREATE INDEX alerts_by_attention ON alerts (attention, position DESC);

CREATE TABLE preferences (
    recipient_id text PRIMARY KEY,
    language     text NOT NULL
);
