"""What a look at the present costs beside reading it once, and beside what others do."""
