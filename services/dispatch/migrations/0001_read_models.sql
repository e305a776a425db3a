-- What dispatch reads quickly. All but contacts and rider_positions is built from the log and can be built again.

-- `state` is the folded delivery; the columns are what is searched for.
CREATE TABLE deliveries (
    delivery_id  text PRIMARY KEY,
    version      bigint NOT NULL,
    state        jsonb NOT NULL,
    order_id     text NOT NULL,
    stage        text NOT NULL,
    rider_id     text,
    offered_to   text,
    in_grab_pool boolean NOT NULL,
    urgent       boolean NOT NULL,
    changed_at   timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX deliveries_by_stage ON deliveries (stage, delivery_id);
CREATE INDEX deliveries_in_pool ON deliveries (delivery_id) WHERE in_grab_pool AND stage = 'waiting';
CREATE INDEX deliveries_urgent ON deliveries (delivery_id) WHERE urgent;

CREATE TABLE riders (
    rider_id  text PRIMARY KEY,
    version   bigint NOT NULL,
    state     jsonb NOT NULL,
    on_shift  boolean NOT NULL,
    silent    boolean NOT NULL,
    offered   text,
    carrying  text
) WITH (fillfactor = 70);
CREATE INDEX riders_on_shift ON riders (rider_id) WHERE on_shift;

-- Deliveries that want a rider and are offered to nobody; `why` is the engine's last word on each, rider by rider.
CREATE TABLE waiting (
    delivery_id text PRIMARY KEY,
    since       timestamptz NOT NULL,
    why         jsonb,
    decided_at  timestamptz
) WITH (fillfactor = 70);

-- Who and where exactly, for as long as the order lasts. Told over the private channel, never an event here.
CREATE TABLE contacts (
    order_id        text PRIMARY KEY,
    customer_name   text NOT NULL,
    customer_phone  text NOT NULL,
    address         text NOT NULL,
    dropoff_lat     double precision NOT NULL,
    dropoff_lon     double precision NOT NULL,
    merchant_name   text NOT NULL,
    merchant_phone  text NOT NULL,
    pickup_address  text NOT NULL
);

-- The last believed position only: where riders have been is nobody's business.
CREATE TABLE rider_positions (
    rider_id text PRIMARY KEY,
    lat      double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon      double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    at       timestamptz NOT NULL
) WITH (fillfactor = 50);
