"""Indexes for what pages ask: the runs that came of a run, and how busy a partner is."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_run_parent", "run", ["parent"])
    op.create_index("ix_task_ended_exporter_state", "task", ["ended", "exporter", "state"])


def downgrade() -> None:
    op.drop_index("ix_task_ended_exporter_state", "task")
    op.drop_index("ix_run_parent", "run")
