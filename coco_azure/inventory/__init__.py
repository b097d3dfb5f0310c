"""What the cluster and Azure are, read once into frozen facts; the look-up of the network."""
