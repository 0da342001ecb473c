-- Insert the incoming rows whose key is not stored yet.
INSERT INTO {table} BY NAME
SELECT incoming.*
FROM incoming
ANTI JOIN {table} AS stored USING ({key})
