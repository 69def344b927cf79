"""The history of our own tables, as Alembic reads it; run by `impexd.store.migrate`."""
