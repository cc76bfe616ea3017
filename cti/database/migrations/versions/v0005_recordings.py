"""Recordings of conversations, and who spoke in each."""

import sqlalchemy as sa
from alembic import op

from cti.database.models import Utc

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recording",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("call", sa.Text()),
        sa.Column("conversation", sa.Text()),
        sa.Column("port", sa.Integer()),
        sa.Column("began_at", Utc(), nullable=False),
        sa.Column("seconds", sa.Float()),
        sa.Column("why", sa.Text()),
        sa.Column("ani", sa.Text()),
        sa.Column("ani_key", sa.Text()),
        sa.Column("dnis", sa.Text()),
        sa.Column("group_name", sa.Text()),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_recording"),
    )
    op.create_index("ix_recording_began_at", "recording", ["began_at"])
    op.create_index("ix_recording_call", "recording", ["call"])
    op.create_index("ix_recording_ani_key_began_at", "recording", ["ani_key", "began_at"])
    op.create_table(
        "recording_agent",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("file", "agent", name="pk_recording_agent"),
    )
    op.create_index("ix_recording_agent_agent", "recording_agent", ["agent"])
