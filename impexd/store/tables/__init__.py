"""Our own tables, a module for each subject; `impexd.store.schema` has them all."""
