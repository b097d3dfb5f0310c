"""What a workload's Kubernetes manifest says of its containers, as far as the Kata agent is asked about it.

``objects`` reads YAML, ``templates`` finds the pod templates, ``environment``, ``volumes``, ``process`` and
``image_config`` say what CRI-O makes of a container, ``containers`` puts it together for the agent policy.
"""
