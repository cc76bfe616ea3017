"""The database's versions, run by Alembic from inside the package (cti/records/database.py: migrate)."""
