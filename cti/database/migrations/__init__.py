"""The database's versions, run by Alembic from inside the package (cti/database/opening.py: migrate)."""
