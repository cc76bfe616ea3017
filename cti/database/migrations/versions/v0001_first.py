"""The first form of the records database."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agent_event",
        sa.Column("serial", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger()),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial", name="pk_agent_event"),
    )
    op.create_index("ix_agent_event_agent_serial", "agent_event", ["agent", "serial"])
    op.create_table(
        "call",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("first_serial", sa.BigInteger(), nullable=False),
        sa.Column("last_serial", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("queued_at", sa.DateTime(timezone=True)),
        sa.Column("connected_at", sa.DateTime(timezone=True)),
        sa.Column("talk_ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ani", sa.Text()),
        sa.Column("ani_key", sa.Text()),
        sa.Column("ani_source", sa.Text()),
        sa.Column("ani_form", sa.Text()),
        sa.Column("ani_truncated", sa.Boolean(), nullable=False),
        sa.Column("ani_late", sa.Boolean(), nullable=False),
        sa.Column("dnis", sa.Text()),
        sa.Column("port", sa.Integer()),
        sa.Column("extension", sa.Text()),
        sa.Column("desk", sa.Integer()),
        sa.Column("line", sa.Integer()),
        sa.Column("language", sa.Text()),
        sa.Column("menu_choice", sa.Text()),
        sa.Column("group_name", sa.Text()),
        sa.Column("place", sa.Integer()),
        sa.Column("agent", sa.Text()),
        sa.Column("agent_extension", sa.Text()),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("no_answers", sa.Integer(), nullable=False),
        sa.Column("busies", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("cause", sa.Text()),
        sa.Column("wait_s", sa.Float()),
        sa.Column("talk_s", sa.Float()),
        sa.Column("message_path", sa.Text()),
        sa.Column("message_s", sa.Float()),
        sa.Column("smdr_raw", sa.Text()),
        sa.Column("smdr_fields", sa.Text()),
        sa.Column("alarms", sa.Integer(), nullable=False),
        sa.Column("queue_clock", sa.Float()),
        sa.Column("talk_clock", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_call"),
    )
    op.create_index("ix_call_agent_started_at", "call", ["agent", "started_at"])
    op.create_index("ix_call_ani_key_first_serial", "call", ["ani_key", "first_serial"])
    op.create_index("ix_call_ended_at", "call", ["ended_at"])
    op.create_index("ix_call_started_at", "call", ["started_at"])
    op.create_table(
        "call_event",
        sa.Column("serial", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger()),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial", name="pk_call_event"),
    )
    op.create_index("ix_call_event_call_serial", "call_event", ["call", "serial"])
    op.create_table(
        "call_step",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "step", name="pk_call_step"),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("company", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_customer"),
    )
    op.create_index("ix_customer_origin", "customer", ["origin"])
    op.create_table(
        "customer_file",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_customer_file"),
    )
    op.create_table(
        "customer_number",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("customer", sa.Integer(), nullable=False),
        sa.Column("reversed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_customer_number"),
    )
    op.create_index("ix_customer_number_customer", "customer_number", ["customer"])
    op.create_index("ix_customer_number_reversed", "customer_number", ["reversed"])
    op.create_table(
        "position",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_position"),
    )
    op.create_table(
        "system_event",
        sa.Column("serial", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger()),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial", name="pk_system_event"),
    )
