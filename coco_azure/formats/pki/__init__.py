"""Keys and certificates: judging what a user brings, and making what a stack keeps."""
