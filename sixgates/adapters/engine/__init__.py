"""Where the rows of a gate are counted, learnt from and judged: here, or on the workers of Dask."""
