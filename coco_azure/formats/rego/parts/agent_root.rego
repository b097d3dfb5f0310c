# The root of a container is one image that the guest pulls. The agent pulls nothing for a mount point that is in use, and
# takes the root that the host names where nothing is at the container's own place.
denied if not root_pulled

root_pulled if {
	regex.match(`^[0-9a-f]{64}$`, input.container_id)
	regex.match(`^/run/kata-containers/[0-9a-f]{64}/rootfs$`, input.OCI.Root.Path)
	count(pulls) == 1
	some pull in pulls
	pull.mount_point == concat("/", ["/run/kata-containers", input.container_id, "rootfs"])
	pull.fstype == "overlay"
	count(pull.driver_options) == 1
	startswith(pull.driver_options[0], "image_guest_pull=")
	told := json.unmarshal(trim_prefix(pull.driver_options[0], "image_guest_pull="))
	pulls_what_it_says(pull, told.metadata)
}

# The pause container comes with the pod VM image and pulls nothing; the agent runs its own command in it.
pulls_what_it_says(pull, metadata) if {
	pause(metadata)
	sandbox
	pull.source == "pause"
	input.OCI.Process.Args in [["/pause"], ["/usr/bin/pod"]]
}

pulls_what_it_says(pull, metadata) if {
	not pause(metadata)
	not sandbox
	named == {pull.source}
	not contains(pull.source, "..")
}

sandbox if pause(input.OCI.Annotations)

pause(annotations) if {
	some key in ["io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri.container-type"]
	annotations[key] == "sandbox"
}

# The host names the image in annotations, CRI-O (as in OpenShift) and containerd each in its own, and in the storage
# that the guest then pulls.
named := {image |
	some key in ["io.kubernetes.cri-o.ImageName", "io.kubernetes.cri.image-name"]
	image := input.OCI.Annotations[key]
}

pulls := [storage | some storage in input.storages; storage.driver == "image_guest_pull"]
