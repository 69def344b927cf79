"""Several daemons on one database: each run belongs to the node that has its bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    rowid = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "impexd_node",
        sa.Column("id", rowid, autoincrement=True, nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("host", sa.Text),
        sa.Column("folder", sa.Text),
        sa.Column("seen", sa.Text),
        sa.Column("stopped", sa.Text),
        sa.Column("retired", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_impexd_node"),
        sa.UniqueConstraint("token", name="uq_impexd_node_token"),
        sqlite_autoincrement=True,
    )
    # What there is belongs to the daemon that has been alone so far: the first that comes.
    op.execute("INSERT INTO impexd_node (token) VALUES (NULL)")
    op.add_column(
        "run", sa.Column("node", sa.BigInteger, nullable=False, server_default=sa.text("1"))
    )


def downgrade() -> None:
    op.drop_column("run", "node")
    op.drop_table("impexd_node")
