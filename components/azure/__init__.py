"""What is asked of Azure and made in it: look-ups, the pod VMs' subnet, credentials and roles."""
