"""The limits of what a reader may return, and the sentences for a file beyond them."""

MAX_CHARACTERS = 20_000_000  # bounds the result, which the parent holds in memory: 12,500 chunks. Plain text: 50 MB

LOCKED = "This file is password-protected. Upload a copy without password."
TOO_LONG = "This file contains more than 20 million characters. Split it into smaller files and upload those."
