-- Surges, zone by zone, as far as the log says.
CREATE TABLE surges (
    zone           text PRIMARY KEY,
    version        bigint NOT NULL,
    began_at       timestamptz,
    orders_waiting integer NOT NULL,
    free_riders    integer NOT NULL
) WITH (fillfactor = 50);
