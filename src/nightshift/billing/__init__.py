"""Credits: an append-only ledger, and balances that are its sums."""
