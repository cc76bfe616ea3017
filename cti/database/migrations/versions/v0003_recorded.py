"""A call says whether the PBX's record of it came; events of the system are found by kind (lines not read)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call", sa.Column("recorded", sa.Text()))
    op.create_index("ix_system_event_kind_serial", "system_event", ["kind", "serial"])
