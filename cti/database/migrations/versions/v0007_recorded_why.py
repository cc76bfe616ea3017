"""A call says why the PBX's record of it may be damaged or another's, or why none came."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call", sa.Column("recorded_why", sa.Text()))
