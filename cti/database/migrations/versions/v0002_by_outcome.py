"""Calls are found by outcome: a desk that lists messages looks at those only, not at months of calls."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_call_outcome_started_at", "call", ["outcome", "started_at"])
