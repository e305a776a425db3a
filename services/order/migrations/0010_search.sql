-- What operators look for in the list of orders: by priority, rider, kind, state, time, and what somebody read out of
-- an id. Every list is in the order of its index, so that a page is read and not sorted.
ALTER TABLE order_list ADD COLUMN priority text NOT NULL DEFAULT 'normal';
UPDATE order_list
   SET priority = placed.data ->> 'priority'
  FROM events AS placed
 WHERE placed.stream_id = order_list.order_id AND placed.version = 1 AND placed.data ->> 'priority' <> 'normal';

CREATE INDEX order_list_by_state ON order_list (state, order_id DESC);
CREATE INDEX order_list_by_kind ON order_list (kind, order_id DESC);
CREATE INDEX order_list_by_priority ON order_list (priority, order_id DESC) WHERE priority <> 'normal';
CREATE INDEX order_list_by_rider ON order_list (rider_id, order_id DESC) WHERE rider_id IS NOT NULL;
CREATE INDEX order_list_by_time ON order_list (placed_at DESC, order_id DESC);
CREATE INDEX order_list_by_promise ON order_list (promised_at, order_id);
-- People quote the end of an id, as pages show it.
CREATE INDEX order_list_by_end_of_id ON order_list (reverse(order_id) COLLATE "C");
