"""
All SQL: engines, migrations and our own tables.

`engine.opened` gives a `Store`; `migrate.migrate` brings its tables to the head;
`schema` names them.  Two engines, one behaviour: SQLite with a single writer, and
PostgreSQL.
"""
