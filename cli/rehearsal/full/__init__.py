"""The servers of a whole installation, from the programs of this machine, on loopback alone."""
