"""What `benchmarks/engine.py` is made of: graphs, cases, engines, their check, and the process that each case runs in."""
