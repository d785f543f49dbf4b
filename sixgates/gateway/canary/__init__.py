"""What keeps a canary from answering: a lease that ran out, failures, stalls."""
