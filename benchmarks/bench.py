"""``python benchmarks/bench.py`` is the command ``cdfi-bench``."""

from cdfi_bench.cli import main

if __name__ == "__main__":
    main()
