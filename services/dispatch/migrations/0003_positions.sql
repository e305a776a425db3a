-- Positions of many riders are judged and written together; tracks are kept as evidence, sealed, for a time.

-- `jumped_…` is where a rider seems to be since his positions contradict the last believed one; `veiled_cell` the cell
-- of the door that he was last near to, until he has left it: the public are told the middle of a cell meanwhile.
ALTER TABLE rider_positions
    ADD COLUMN accuracy_m  real,
    ADD COLUMN jumped_lat  double precision,
    ADD COLUMN jumped_lon  double precision,
    ADD COLUMN jumped_at   timestamptz,
    ADD COLUMN jumps       smallint NOT NULL DEFAULT 0,
    ADD COLUMN veiled_cell text;

-- What a rider carries, asked with each of his positions.
CREATE INDEX deliveries_carried ON deliveries (rider_id)
    WHERE stage IN ('assigned', 'at_pickup', 'picked_up', 'at_dropoff', 'returning');

-- Ways that are being gone: a row for each rider and delivery, and what his device sent piece by piece.
CREATE TABLE open_tracks (
    delivery_id text NOT NULL,
    rider_id    text NOT NULL,
    opened_at   timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, rider_id)
);

-- `subject_id` is whose key a piece is sealed under: the rider's, and near a door the customer's.
CREATE TABLE track_pieces (
    piece_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL,
    rider_id    text NOT NULL,
    subject_id  text NOT NULL,
    sealed      text NOT NULL
);
CREATE INDEX track_pieces_of ON track_pieces (delivery_id, rider_id);

-- Ways that were gone. The digests are those of the plain places; that of the whole is in the delivery's stream too.
CREATE TABLE tracks (
    delivery_id  text NOT NULL,
    leg          integer NOT NULL,
    rider_id     text NOT NULL,
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz NOT NULL,
    points       integer NOT NULL,
    sha256       text NOT NULL,
    way_sealed   text,
    way_sha256   text,
    door_subject text,
    door_sealed  text,
    door_sha256  text,
    PRIMARY KEY (delivery_id, leg)
);
CREATE INDEX tracks_by_age ON tracks (closed_at);
