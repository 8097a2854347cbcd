"""Real data: motion capture and photographs, each with the script that made it."""
