# Only listed images: each name that the host gives has to be listed. Mounts of copied files, commands and environment are
# not looked at: a policy made from the workload's manifest does that.
denied if not image_listed

image_listed if sandbox

image_listed if {
	images := named | {pull.source | some pull in pulls}
	count(images) > 0
	every image in images {
		image_allowed(image)
	}
}

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
