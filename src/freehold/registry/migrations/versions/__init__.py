"""One file per migration, in order. A file that was released is never changed."""
