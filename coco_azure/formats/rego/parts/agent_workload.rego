# Only the containers of a manifest, each as it stands there: image, arguments, environment, folder, user, rights, mounts.
denied if not workload_container

workload_container if sandbox

workload_container if count(workload_matches) > 0

workload_matches := [index |
	some index, container in workload
	pulls[0].source in container.images
	name_fits(container)
	args_fit(container.args)
	input.OCI.Process.Terminal == container.tty
	object.get(input, "sandbox_pidns", false) == container.pidns
	root_fits(container)
	rights_fit(container, input.OCI.Process)
	process_fits(container, input.OCI.Process)
	mounts_fit(container)
]

# No annotation may say that it is another container.
name_fits(container) if {
	every key in ["io.kubernetes.container.name", "io.kubernetes.cri.container-name"] {
		object.get(input.OCI.Annotations, key, container.name) == container.name
	}
	full := object.get(input.OCI.Annotations, "io.kubernetes.cri-o.ContainerName", container.name)
	crio_name(full, container.name)
}

crio_name(full, name) if full == name

# CRI-O: k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT.
crio_name(full, name) if startswith(full, concat("", ["k8s_", name, "_"]))

args_fit(args) if {
	count(args) == count(input.OCI.Process.Args)
	every index, arg in input.OCI.Process.Args {
		text_fits(args[index], arg)
	}
}

text_fits(wanted, text) if text == wanted

text_fits(wanted, text) if regex.match(wanted.like, text)

root_fits(container) if not container.read_only

root_fits(container) if input.OCI.Root.Readonly == true

# What a process of the container may be, its own and one that is run beside it.
process_fits(container, process) if {
	user_fits(container, process.User)
	object.get(process.User, "Username", "") == ""
	object.get(container, "gid", process.User.GID) == process.User.GID
	folder_fits(container, process.Cwd)
	env_fits(container, process.Env)
}

rights_fit(container, process) if {
	every capability in [each | each := process.Capabilities[_][_]] {
		capability_fits(container, capability)
	}
	privileges_fit(container, process)
}

# Who asks for none has those that any container may have.
capability_fits(container, _) if not container.caps

capability_fits(container, capability) if capability in container.caps

privileges_fit(container, _) if not container.no_new_privileges

privileges_fit(_, process) if process.NoNewPrivileges == true

user_fits(container, user) if user.UID == container.uid

user_fits(container, user) if user.UID >= container.uid_from

folder_fits(container, folder) if folder == container.folder

# The image's own, which is not known: no folder that the host fills.
folder_fits(container, folder) if {
	not container.folder
	startswith(folder, "/")
	not regex.match(`//|/\.\.?(/|$)|^/var/run(/|$)`, folder)
	every destination in object.keys(container.mounts) | object.keys(system_mounts) {
		not startswith(concat("", [folder, "/"]), concat("", [destination, "/"]))
	}
}

env_fits(container, env) if {
	every variable in container.env {
		variable in env
	}
	names := {split(variable, "=")[0] | some variable in env}
	every name in object.keys(container.like) {
		present(container, name, names)
	}
	every variable in env {
		variable_fits(container, variable)
	}
}

present(_, name, names) if name in names

present(container, name, _) if name in container.optional

variable_fits(container, variable) if variable in container.env

variable_fits(container, variable) if {
	name := split(variable, "=")[0]
	regex.match(container.like[name], substring(variable, count(name) + 1, -1))
}

# What the kubelet, CRI-O and an image that is not known add, only where the manifest does not say it.
variable_fits(container, variable) if {
	name := split(variable, "=")[0]
	not name in {split(each, "=")[0] | some each in container.env}
	not container.like[name]
	some group in container.added
	some pattern in added_env[group]
	regex.match(concat("", ["^(?:", pattern, ")$"]), variable)
}

mounts_fit(container) if {
	destinations := {trim_suffix(mount.destination, "/") | some mount in input.OCI.Mounts}
	every destination in container.needs {
		destination in destinations
	}
	every mount in input.OCI.Mounts {
		mount_fits(container, mount, trim_suffix(mount.destination, "/"))
	}

	# CRI-O mounts what is deeper later: the other way round a volume would hide those within it.
	own := [at | some mount in input.OCI.Mounts; at := trim_suffix(mount.destination, "/"); container.mounts[at]]
	every index, at in own {
		every before in array.slice(own, 0, index) {
			not startswith(before, concat("", [at, "/"]))
		}
	}
}

mount_fits(container, mount, destination) if {
	wanted := container.mounts[destination]
	from := split(trim_suffix(wanted, " ro"), " ")
	regex.match(concat("", [sources[from[0]], concat("", array.slice(from, 1, 2)), "$"]), mount.source)
	writable_fits(wanted, mount)
}

mount_fits(container, mount, destination) if {
	not container.mounts[destination]
	home_fits(container, destination)
	regex.match(system_mounts[destination], mount.source)
}

home_fits(_, destination) if destination != "/etc/passwd"

# Else this file names HOME, and programs load code from there.
home_fits(container, _) if {
	some variable in container.env
	startswith(variable, "HOME=")
}

writable_fits(wanted, _) if not endswith(wanted, " ro")

writable_fits(_, mount) if read_only(mount)

# Where the agent has what a manifest mounts: what the host handed in, what the pod VM made on disk or in memory, there
# with the volume's name behind it.
sources := {
	"shared": trim_suffix(shared, "$"),
	"local": `^/run/kata-containers/(shared/containers/[a-z0-9]+/rootfs/local|sandbox/ephemeral)/`,
	"memory": `^/run/kata-containers/sandbox/ephemeral/`,
}

shared := `^/run/kata-containers/shared/containers/((watchable|passthrough)/)?[a-z0-9]+-[a-z0-9]{16}-[^/]+$`

# What CRI-O adds of its own, and its source.
system_mounts := {
	"/proc": "^proc$",
	"/dev": "^tmpfs$",
	"/dev/pts": "^devpts$",
	"/dev/mqueue": "^mqueue$",
	"/dev/shm": "^/run/kata-containers/sandbox/shm$",
	"/sys": "^sysfs$",
	"/sys/fs/cgroup": "^cgroup$",
	"/etc/hosts": shared,
	"/etc/hostname": shared,
	"/etc/resolv.conf": shared,
	"/etc/passwd": shared,
	"/etc/group": shared,
	"/run/.containerenv": shared,
	"/run/secrets": shared,
}
