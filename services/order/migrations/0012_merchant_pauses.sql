-- Whoever chooses a merchant sees that it takes no orders now: since when, until when and why. What the log says
-- already is taken over, and a projection that is behind folds the same facts again, to the same end.
ALTER TABLE merchant_list
    ADD COLUMN paused_since timestamptz,
    ADD COLUMN paused_until timestamptz,
    ADD COLUMN pause_reason text;

WITH resumed AS (
    SELECT stream_id, max(version) AS version FROM events WHERE type = 'MerchantResumed' GROUP BY stream_id
), pauses AS (
    SELECT e.stream_id,
           (array_agg(e.data ORDER BY e.version))[1] AS first,
           (array_agg(e.data ORDER BY e.version DESC))[1] AS last
      FROM events e
      LEFT JOIN resumed r ON r.stream_id = e.stream_id
     WHERE e.type = 'MerchantPaused' AND e.version > coalesce(r.version, 0)
     GROUP BY e.stream_id
)
UPDATE merchant_list m
   SET paused_since = (p.first ->> 'at')::timestamptz,
       paused_until = (p.last ->> 'until')::timestamptz,
       pause_reason = p.last ->> 'reason'
  FROM pauses p
 WHERE p.stream_id = m.merchant_id;
