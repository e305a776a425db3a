-- The list of orders lies in one partition a year, by the time that an order's id (UUIDv7) holds: years in which all
-- orders are archived are never written again, and can be moved to cheaper storage or exported and detached whole.
-- Queries, upserts and rebuilds see one table. Ids that hold no such time are kept apart.
ALTER TABLE order_list ADD COLUMN ended_as text;
UPDATE order_list SET ended_as = state WHERE state IN ('completed', 'cancelled', 'rejected');
UPDATE order_list SET ended_as = 'completed' WHERE state = 'archived';

ALTER TABLE order_list RENAME TO order_list_flat;
CREATE TABLE order_list (LIKE order_list_flat INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)
    PARTITION BY RANGE (order_id);
CREATE TABLE order_list_other PARTITION OF order_list DEFAULT WITH (fillfactor = 70);
CREATE TABLE order_list_2024 PARTITION OF order_list
    FOR VALUES FROM ('ord_018cc251-f400') TO ('ord_01941f29-7c00') WITH (fillfactor = 70);
CREATE TABLE order_list_2025 PARTITION OF order_list
    FOR VALUES FROM ('ord_01941f29-7c00') TO ('ord_019b76da-a800') WITH (fillfactor = 70);
CREATE TABLE order_list_2026 PARTITION OF order_list
    FOR VALUES FROM ('ord_019b76da-a800') TO ('ord_01a2ce8b-d400') WITH (fillfactor = 70);
CREATE TABLE order_list_2027 PARTITION OF order_list
    FOR VALUES FROM ('ord_01a2ce8b-d400') TO ('ord_01aa263d-0000') WITH (fillfactor = 70);
CREATE TABLE order_list_2028 PARTITION OF order_list
    FOR VALUES FROM ('ord_01aa263d-0000') TO ('ord_01b18314-8800') WITH (fillfactor = 70);
CREATE TABLE order_list_2029 PARTITION OF order_list
    FOR VALUES FROM ('ord_01b18314-8800') TO ('ord_01b8dac5-b400') WITH (fillfactor = 70);
CREATE TABLE order_list_2030 PARTITION OF order_list
    FOR VALUES FROM ('ord_01b8dac5-b400') TO ('ord_01c03276-e000') WITH (fillfactor = 70);
CREATE TABLE order_list_2031 PARTITION OF order_list
    FOR VALUES FROM ('ord_01c03276-e000') TO ('ord_01c78a28-0c00') WITH (fillfactor = 70);
CREATE TABLE order_list_2032 PARTITION OF order_list
    FOR VALUES FROM ('ord_01c78a28-0c00') TO ('ord_01cee6ff-9400') WITH (fillfactor = 70);
CREATE TABLE order_list_2033 PARTITION OF order_list
    FOR VALUES FROM ('ord_01cee6ff-9400') TO ('ord_01d63eb0-c000') WITH (fillfactor = 70);
CREATE TABLE order_list_2034 PARTITION OF order_list
    FOR VALUES FROM ('ord_01d63eb0-c000') TO ('ord_01dd9661-ec00') WITH (fillfactor = 70);
CREATE TABLE order_list_2035 PARTITION OF order_list
    FOR VALUES FROM ('ord_01dd9661-ec00') TO ('ord_01e4ee13-1800') WITH (fillfactor = 70);
CREATE TABLE order_list_2036 PARTITION OF order_list
    FOR VALUES FROM ('ord_01e4ee13-1800') TO ('ord_01ec4aea-a000') WITH (fillfactor = 70);
CREATE TABLE order_list_2037 PARTITION OF order_list
    FOR VALUES FROM ('ord_01ec4aea-a000') TO ('ord_01f3a29b-cc00') WITH (fillfactor = 70);
CREATE TABLE order_list_2038 PARTITION OF order_list
    FOR VALUES FROM ('ord_01f3a29b-cc00') TO ('ord_01fafa4c-f800') WITH (fillfactor = 70);
CREATE TABLE order_list_2039 PARTITION OF order_list
    FOR VALUES FROM ('ord_01fafa4c-f800') TO ('ord_020251fe-2400') WITH (fillfactor = 70);
CREATE TABLE order_list_2040 PARTITION OF order_list
    FOR VALUES FROM ('ord_020251fe-2400') TO ('ord_0209aed5-ac00') WITH (fillfactor = 70);
INSERT INTO order_list SELECT * FROM order_list_flat;
DROP TABLE order_list_flat;
