-- Every column of every table in the store, in order.
SELECT table_name, column_name, data_type
FROM duckdb_columns()
WHERE database_name = 'step3'
ORDER BY table_name, column_index
