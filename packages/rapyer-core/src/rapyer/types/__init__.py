"""What a value looks like in a document: one file for each family of types."""
