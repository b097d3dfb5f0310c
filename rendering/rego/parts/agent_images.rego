# Only listed images. The host names them in annotations, CRI-O (as in OpenShift) and containerd each in its own, and
# in the storages that the guest then pulls: each of these names has to be listed. Mounts, commands and environment are
# not looked at; genpolicy writes policies that do.
CreateContainerRequest := false if not container_allowed

# The pause container comes with the pod VM image and pulls nothing.
container_allowed if {
	sandbox
	every image in pulled {
		image == "pause"
	}
}

container_allowed if {
	not sandbox
	count(named) > 0
	images := named | pulled
	every image in images {
		image_allowed(image)
	}
}

sandbox if {
	some key in ["io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri.container-type"]
	input.OCI.Annotations[key] == "sandbox"
}

named := {image |
	some key in ["io.kubernetes.cri-o.ImageName", "io.kubernetes.cri.image-name"]
	image := input.OCI.Annotations[key]
}

pulled := {storage.source | some storage in input.storages; storage.driver == "image_guest_pull"}

image_allowed(image) if image in exact_images

# A digest only narrows a tag down.
image_allowed(image) if {
	some listed in exact_images
	not contains(listed, "@")
	pinned(image, listed)
}

image_allowed(image) if image in repositories

image_allowed(image) if {
	some repository in repositories
	pinned(image, repository)
}

# No slash may follow a tag: "registry:5000/x" is no tag of "registry".
image_allowed(image) if {
	some repository in repositories
	start := concat("", [repository, ":"])
	startswith(image, start)
	not contains(substring(image, count(start), -1), "/")
}

# Everything below a repository, or in a registry.
image_allowed(image) if {
	some place in array.concat(repositories, registries)
	startswith(image, concat("", [place, "/"]))
	not contains(image, "..")
}

pinned(image, listed) if {
	start := concat("", [listed, "@sha256:"])
	startswith(image, start)
	not contains(substring(image, count(start), -1), "/")
}
