"""Labels, measured: what several people say, put together and compared."""
