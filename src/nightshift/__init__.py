"""The work itself: plain functions on a session and a clock. No Flask, no RQ."""
