"""What lies between a path or URL and the bytes that a format reads: stores, compression, archives, encodings."""
