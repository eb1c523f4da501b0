"""How alembic runs our migrations: on the connection that `store.schema.upgrade` brings."""

from alembic import context

from adengine.store.sql import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
