"""The real Redis and Postgres out of wheels, for a machine that has neither; used by `make run` and by the tests."""
