"""Container images in a pod VM: which may be pulled, whose signatures they need, and with which credentials."""
