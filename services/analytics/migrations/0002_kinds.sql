-- Figures by kind of order: food, and each kind of errand. A fact that does not say its kind is older than errands.
ALTER TABLE order_board ADD COLUMN kind text DEFAULT 'food';
UPDATE order_board
   SET kind = placed.kind,
       timeline = jsonb_set(timeline, '{kind}', to_jsonb(placed.kind))
  FROM (SELECT data -> 'data' ->> 'order_id' AS order_id, data -> 'data' ->> 'kind' AS kind
          FROM events
         WHERE type = 'FactRecorded' AND data ->> 'type' = 'OrderPlaced') AS placed
 WHERE placed.order_id = order_board.order_id AND placed.kind <> 'food';
