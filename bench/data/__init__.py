"""How fast near duplicates are found, how well, and how the work grows: ours beside others, and leaks by kind."""
