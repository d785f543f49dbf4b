"""The revisions, oldest first; what one of them did is never edited."""
