"""The API: one file a feature. A module that is put here is served, guarded, described and tested by what it declares."""
