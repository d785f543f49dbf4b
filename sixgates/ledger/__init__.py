"""What happened and who serves: the append-only record that everything else follows."""
