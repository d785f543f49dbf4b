"""Has the world moved? Each kind of evidence in a file of its own."""
