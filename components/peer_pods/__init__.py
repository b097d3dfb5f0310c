"""The peer-pod runtime: KataConfig, CAA and the pod VM image."""
