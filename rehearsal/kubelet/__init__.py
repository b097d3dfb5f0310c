"""The simulated nodes: a kubelet for each, CAA, pod VMs, and the KBS that they ask."""
