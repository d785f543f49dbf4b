"""In which ways predictions can be asked for, and labels sent."""
