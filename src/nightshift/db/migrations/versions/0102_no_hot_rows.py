"""No row that every event updates, and no search through versions that a transaction held open elsewhere keeps."""

from alembic import op

revision = "0102"
down_revision = "0101"

SCHEMA = """
-- Numbers commit in order: each is taken under a lock that is held until the commit, so that a reader of "after n" skips none.
CREATE FUNCTION events_number() RETURNS trigger AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('events ' || NEW.workspace_id, 0));
    NEW.seq := 1 + coalesce((SELECT max(seq) FROM events WHERE workspace_id = NEW.workspace_id), 0);
    PERFORM pg_notify('nightshift_events', NEW.workspace_id);
    RETURN NEW;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER events_number BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_number();
-- The next number follows from the newest event, so of that one nothing but its number goes.
CREATE FUNCTION events_keep_number() RETURNS trigger AS $$
BEGIN
    IF EXISTS (SELECT FROM events WHERE workspace_id = OLD.workspace_id AND seq > OLD.seq)
       OR NOT EXISTS (SELECT FROM workspaces WHERE id = OLD.workspace_id) THEN
        RETURN OLD;
    END IF;
    UPDATE events SET name = '', data = '{}' WHERE workspace_id = OLD.workspace_id AND seq = OLD.seq AND name <> '';
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER events_keep_number BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION events_keep_number();
ALTER TABLE workspaces DROP COLUMN event_seq;

-- Each search begins after what is over: at a moment that the dispatcher writes down, or at the end of a lane.
CREATE TABLE outbox_since (
    job text,
    at timestamptz,
    due timestamptz NOT NULL,
    active timestamptz NOT NULL,
    PRIMARY KEY (job, at)
);
DROP INDEX outbox_due, outbox_active;
CREATE INDEX outbox_due ON outbox (job, due_at, workspace_id) WHERE state = 'pending';
CREATE INDEX outbox_active ON outbox (job, workspace_id, dispatched_at) WHERE state IN ('dispatched', 'running');
CREATE INDEX outbox_lane_end ON outbox (workspace_id, lane, lane_seq) WHERE lane IS NOT NULL;

-- Promise 6: rows of one lane run one after the other. Only the head is not blocked, so what is over stands before it. However
-- it leaves the lane (done, failed, deleted), its successor is pending in the same transaction.
CREATE OR REPLACE FUNCTION outbox_next_in_lane() RETURNS trigger AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lane ' || OLD.job || ' ' || OLD.workspace_id || ' ' || OLD.lane, 0));
    UPDATE outbox SET state = 'pending', due_at = greatest(due_at, clock_timestamp()), updated_at = clock_timestamp()
    WHERE OLD.state <> 'blocked' AND job = OLD.job AND state = 'blocked' AND row_id = (
        SELECT row_id FROM outbox
        WHERE workspace_id = OLD.workspace_id AND lane = OLD.lane AND lane_seq > OLD.lane_seq
              AND coalesce(job, '') = OLD.job -- not by the primary key: this is planned once, and perhaps for an empty table
        ORDER BY lane_seq LIMIT 1);
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)
