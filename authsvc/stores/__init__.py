"""The ways to PostgreSQL and to Redis, and the scripts that run in Redis."""
