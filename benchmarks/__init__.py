"""Speed, measured side by side: each module answers one question; `make benchmarks` runs all."""
