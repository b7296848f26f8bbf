"""Claims: questions, trials, statistics, reports."""
