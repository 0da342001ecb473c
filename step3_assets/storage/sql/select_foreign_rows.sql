-- Rows with an incoming key that are stored under a month which is not being replaced.
SELECT {key}, stored.{partition} AS stored_month
FROM {table} AS stored
SEMI JOIN incoming USING ({key})
ORDER BY {key}
LIMIT 5
