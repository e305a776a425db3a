-- Reviews as they are listed: scores and tags. Words and pictures are personal and stay sealed where they are.
CREATE TABLE review_list (
    order_id       text COLLATE "C" PRIMARY KEY,
    merchant_id    text NOT NULL,
    reviewed_at    timestamptz NOT NULL,
    merchant_score integer NOT NULL,
    rider_score    integer NOT NULL,
    platform_score integer NOT NULL,
    tags           text[] NOT NULL,
    standing       text NOT NULL
);
CREATE INDEX review_list_by_merchant ON review_list (merchant_id, order_id DESC);
CREATE INDEX review_list_held ON review_list (order_id) WHERE standing = 'held';

CREATE TABLE review_photos (
    order_id    text COLLATE "C" NOT NULL,
    photo_id    text NOT NULL,
    customer_id text NOT NULL,
    media_type  text NOT NULL,
    sealed      text NOT NULL,
    PRIMARY KEY (order_id, photo_id)
);
CREATE INDEX review_photos_by_customer ON review_photos (customer_id);
