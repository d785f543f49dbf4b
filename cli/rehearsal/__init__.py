"""Rehearsals: worlds and histories played, and things killed, against real servers."""
