"""Alembic's entry: runs the versions on the connection that cti/database/opening.py hands over."""

from alembic import context

from cti.database.models import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
