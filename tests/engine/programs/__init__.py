"""Small programs of the engine tests, each with a Pulumi.yaml of its own."""
