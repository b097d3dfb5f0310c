# Kata agent policy: a pod starts, runs and stops; nobody looks in, types into it, or changes the rules afterwards.
package agent_policy

import rego.v1

default CreateContainerRequest := false

default DestroySandboxRequest := true

default GetOOMEventRequest := true

default GuestDetailsRequest := true

default OnlineCPUMemRequest := true

default RemoveContainerRequest := true

default RemoveStaleVirtiofsShareMountsRequest := true

default SignalProcessRequest := true

default StartContainerRequest := true

default StatsContainerRequest := true

default WaitProcessRequest := true

# A shell, what containers print, what they read, and the policy itself.
default ExecProcessRequest := false

default ReadStreamRequest := false

default WriteStreamRequest := false

default SetPolicyRequest := false

# An agent that allows what its policy fails to judge has no policy.
default AllowRequestsFailingPolicy := false

# The network of a pod VM is made by the pod VM: a host that could change it could listen.
default AddARPNeighborsRequest := false

default GetIPTablesRequest := false

default ListInterfacesRequest := false

default ListRoutesRequest := false

default SetIPTablesRequest := false

default UpdateInterfaceRequest := false

default UpdateRoutesRequest := false

# Held to the rules below.
default CopyFileRequest := false

default CreateSandboxRequest := false

# Nothing here is needed by a peer pod.
default AddSwapPathRequest := false

default AddSwapRequest := false

default CloseStdinRequest := false

default GetDiagnosticDataRequest := false

default GetMetricsRequest := false

default MemAgentCompactConfig := false

default MemAgentMemcgConfig := false

default MemHotplugByProbeRequest := false

default PauseContainerRequest := false

default PullImageRequest := false

default ReseedRandomDevRequest := false

default ResizeVolumeRequest := false

default ResumeContainerRequest := false

default SetGuestDateTimeRequest := false

default StartTracingRequest := false

default StopTracingRequest := false

default TtyWinResizeRequest := false

default UpdateContainerRequest := false

default UpdateEphemeralMountsRequest := false

default VolumeStatsRequest := false

# The agent keeps what is added here.
CreateContainerRequest := {"allowed": true, "ops": [{"op": "add", "path": state_path, "value": state}]} if not denied

state_path := concat("", ["/pstate/", input.container_id])

state := {"writable": writable, "workload": kept}

# Under an id that it knows, the agent would run another container in the root of the first.
denied if data.pstate[input.container_id]

writable := [mount.source | some mount in input.OCI.Mounts; not read_only(mount)]

# One sandbox with its own /dev/shm: no programs or modules of the host's.
CreateSandboxRequest if {
	blank(input, ["guest_hook_path", "kernel_modules"])
	every storage in object.get(input, "storages", []) {
		[storage.driver, storage.source, storage.fstype] == ["ephemeral", "shm", "tmpfs"]
		storage.mount_point == "/run/kata-containers/sandbox/shm"
		plain(storage, `^(noexec|nosuid|nodev|mode=1777|size=[0-9]+)$`)
	}
}

# Files go into folders that the runtime names after a container and a mount, and links in there lead nowhere else.
CopyFileRequest if {
	not container_writes(input.path)
	copied in {"Regular", "Directory"}
	regex.match(concat("", ["^", copies, `(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))*$`]), input.path)
}

CopyFileRequest if {
	copied == "Symlink"
	not container_writes(input.path)
	regex.match(concat("", ["^", copies, `(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))+$`]), input.path)
	target_inside
}

# Where a container writes, it could have put a link that leads out. What is copied later on is for read-only mounts.
container_writes(path) if {
	some source in data.pstate[_].writable
	startswith(path, concat("", [source, "/"]))
}

copies := `/run/kata-containers/shared/containers/(passthrough/)?(watchable/)?[a-z0-9]{64}-[a-z0-9]{16}-[^/]+`

# Agents name the type of a file, or have only its mode, whose upper bits are the type.
copied := input.file_type

copied := name if {
	some name, first in {"Directory": 16384, "Regular": 32768, "Symlink": 40960}
	input.file_mode >= first
	input.file_mode < first + 4096
}

target_inside if {
	is_string(input.symlink_target)
	not regex.match(`^/|(^|/)\.\.(/|$)`, input.symlink_target)
}

# Agents that do not name the target have its bytes: 46 is a dot, 47 a slash.
target_inside if {
	not input.symlink_target
	input.data[0] != 47
	not bytes_lead_out
}

bytes_lead_out if {
	some at, byte in input.data
	byte == 46
	input.data[at + 1] == 46
	edge(at - 1)
	edge(at + 2)
}

edge(at) if not input.data[at]

edge(at) if input.data[at] == 47

# What is empty, null or left out: for the agent all of them are the same.
blank(message, keys) if {
	every key in keys {
		object.get(message, key, null) in [null, "", 0, false, [], {}]
	}
}

plain(storage, option) if {
	blank(storage, ["driver_options", "fs_group", "shared"])
	every each in object.get(storage, "options", []) {
		regex.match(option, each)
	}
}
