"""`make bench`: run every benchmark and print ratios. Trust ratios, not seconds."""

from __future__ import annotations

from benchmarks import bulk, dump, engine, fits, measure, near, startup, stock

if __name__ == "__main__":
    stock.main()
    engine.main()
    fits.main()
    startup.main()
    bulk.main()
    dump.main()
    measure.main()
    near.main()
