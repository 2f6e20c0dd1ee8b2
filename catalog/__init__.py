"""What authsvc and indexer share: the schema, the way to PostgreSQL, the row types. Imports neither of them."""
