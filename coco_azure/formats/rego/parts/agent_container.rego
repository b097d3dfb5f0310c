# A container of an ordinary pod: what the runtime of a peer pod makes, within the bounds of Pod Security's baseline.
denied if not ordinary

ordinary if {
	blank(input, ["devices", "shared_mounts", "string_user", "stdin_port", "stdout_port", "stderr_port"])
	blank(input.OCI, ["Hooks", "Solaris", "Windows"])
	linux := input.OCI.Linux
	blank(linux, ["Devices", "GIDMappings", "IntelRdt", "MountLabel", "Seccomp", "UIDMappings"])
	object.get(linux, "RootfsPropagation", "") in ["", "private", "rprivate", "slave", "rslave"]
	blank(linux.Resources, ["Devices"])
	blank(input.OCI.Process, ["SelinuxLabel"])
	not contains(object.get(linux, "CgroupsPath", ""), "..")
	{namespace.Type | some namespace in linux.Namespaces} - {"ipc", "uts"} == {"mount"}
	every namespace in linux.Namespaces {
		blank(namespace, ["Path"])
	}
	every name, _ in object.get(linux, "Sysctl", {}) {
		regex.match(sysctl, name)
	}
	every path in [each | some key in ["MaskedPaths", "ReadonlyPaths"]; some each in linux[key]] {
		regex.match(`^/(proc|sys)(/[^/.][^/]*)+$`, path)

		# Processes have a link to their root.
		not regex.match(`^/proc/([0-9]|self|thread-self)`, path)
	}
	every storage in input.storages {
		storage_ordinary(storage)
	}
	every mount in input.OCI.Mounts {
		every option in mount.options {
			regex.match(mount_option, option)
		}
		mount_ordinary(mount)
	}
	capabilities_bounded
	own_paths
}

# Those that Kubernetes calls safe, and their like. The network is the pod VM's: with net.ipv4.conf.all.route_localnet a
# host could talk to what listens on 127.0.0.1, and that is where containers get their secrets.
sysctl := concat("", [
	`^(net\.core\.somaxconn|net\.ipv4\.(tcp_[a-z0-9_]+|ping_group_range|ip_(local_|unprivileged_)[a-z_]+)`,
	`|kernel\.(sem|shm[a-z_]+|msg[a-z]+)|fs\.mqueue\.[a-z_]+)$`,
])

# Without a word about capabilities the agent drops none.
capabilities_bounded if {
	is_object(input.OCI.Process.Capabilities)
	every list in input.OCI.Process.Capabilities {
		every capability in list {
			capability in capabilities
		}
	}
}

# Whatever is said of the pause container's, it gets those of the pod VM image.
capabilities_bounded if {
	sandbox
	blank(input.OCI.Process, ["Capabilities"])
}

capabilities := {
	"CAP_AUDIT_WRITE",
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_MKNOD",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_RAW",
	"CAP_SETFCAP",
	"CAP_SETGID",
	"CAP_SETPCAP",
	"CAP_SETUID",
	"CAP_SYS_CHROOT",
}

# The kernel's own files below /proc and /sys would let root in a container run programs in the pod VM.
own_paths if {
	every path in ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"] {
		path in input.OCI.Linux.ReadonlyPaths
	}
	every path in ["/proc/kcore", "/proc/keys", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/sys/firmware"] {
		path in input.OCI.Linux.MaskedPaths
	}
}

own_paths if sandbox

storage_ordinary(storage) if {
	storage.driver == "image_guest_pull"
	plain(object.remove(storage, ["driver_options"]), "^$")
}

# emptyDir in memory, and with huge pages.
storage_ordinary(storage) if {
	not sandbox
	storage.driver == "ephemeral"
	[storage.source, storage.fstype] in [["tmpfs", "tmpfs"], ["nodev", "hugetlbfs"]]
	regex.match(in_memory, storage.mount_point)
	plain(storage, `^(fsgid=[0-9]+|pagesize=[0-9]+,size=[0-9]+)$`)
}

# emptyDir on the pod VM's disk.
storage_ordinary(storage) if {
	not sandbox
	[storage.driver, storage.source, storage.fstype] == ["local", "local", "local"]
	regex.match(on_disk, storage.mount_point)
	plain(storage, `^(mode=0777|fsgid=[0-9]+)$`)
}

in_memory := `^/run/kata-containers/sandbox/ephemeral/[a-z0-9][a-z0-9.-]*$`

on_disk := `^/run/kata-containers/shared/containers/[a-z0-9]{64}/rootfs/local/[a-z0-9][a-z0-9.-]*$`

mount_option := concat("", [
	`^(r?bind|r?private|r?slave|r[ow]|no(suid|dev|exec)|(no|rel|strict|nodir)atime|newinstance|tmpcopyup`,
	`|(ptmxmode|mode|uid|gid|size|nr_inodes)=[0-9]+[kKmMgG%]?)$`,
])

kernel_mounts := {
	"/proc": ["proc", "proc"],
	"/dev/pts": ["devpts", "devpts"],
	"/dev/mqueue": ["mqueue", "mqueue"],
	"/sys": ["sysfs", "sysfs"],
	"/sys/fs/cgroup": ["cgroup", "cgroup"],
}

mount_ordinary(mount) if {
	kernel_mounts[mount.destination] == [mount.type_, mount.source]
	not bound(mount)
	kernel_writable(mount)
}

kernel_writable(mount) if not startswith(mount.destination, "/sys")

kernel_writable(mount) if read_only(mount)

# With these the kernel takes the name of a file system for a path.
bound(mount) if {
	some option in mount.options
	option in {"bind", "rbind"}
}

mount_ordinary(mount) if {
	mount.type_ == "tmpfs"
	mount.source in {"tmpfs", "shm"}
	not bound(mount)
	destination_ordinary(mount.destination)
}

mount_ordinary(mount) if {
	mount.type_ in {"bind", "local"}
	source_ordinary(mount)
	destination_ordinary(mount.destination)
}

source_ordinary(mount) if regex.match(concat("", ["^", copies, "$"]), mount.source)

source_ordinary(mount) if regex.match(in_memory, mount.source)

source_ordinary(mount) if regex.match(on_disk, mount.source)

source_ordinary(mount) if {
	mount.source == "/run/kata-containers/sandbox/shm"
	mount.destination == "/dev/shm"
}

# Below the root, and not over the kernel's files; in the pause container only where CRI-O and the kubelet mount.
destination_ordinary(destination) if {
	not sandbox
	regex.match(`^(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))+/?$`, destination)
	not regex.match(`^/(proc|sys)(/|$)`, destination)
}

destination_ordinary(destination) if {
	destination in {
		"/dev",
		"/dev/shm",
		"/dev/termination-log",
		"/etc/hostname",
		"/etc/hosts",
		"/etc/resolv.conf",
		"/run/.containerenv",
		"/run/secrets",
		"/var/run/secrets/kubernetes.io/serviceaccount",
	}
}
