"""What agents remember beyond one run. It reads and answers; whoever asks records."""
