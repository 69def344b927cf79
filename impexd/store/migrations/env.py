"""What Alembic runs for each command; the connection comes from `impexd.store.migrate`."""

from alembic import context

from impexd.store import schema

connection = context.config.attributes["connection"]
metadata = [schema.METADATA]
if connection.dialect.name == "sqlite":
    metadata.append(schema.QUEUE)
# Alembic cannot compare an index that falls in one column and rises in another.
SKIPPED = {"ix_procrastinate_jobs_todo"}
OURS = {name for one in metadata for name in one.tables}

context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    compare_server_default=False,
    include_object=lambda _item, name, *_: name not in SKIPPED,
    # Entity tables and PostgreSQL's job tables are in the database and not ours to compare.
    include_name=lambda name, kind, _parents: kind != "table" or name in OURS,
)
with context.begin_transaction():
    context.run_migrations()
