"""Credits: a ledger that is only added to, and balances that are its sums."""
