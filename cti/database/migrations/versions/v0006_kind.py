"""Calls that agents make are in the records, too: of which kind each call is."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call", sa.Column("kind", sa.Text(), nullable=False, server_default="inward"))
