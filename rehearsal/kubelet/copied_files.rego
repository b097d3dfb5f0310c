# What CAA podvm-payload/osc-agent-policy.rego holds copied files to from OSC 1.12 on (Rego v0), a part of its package.

default CopyFileRequest := false

CopyFileRequest { input.file_type == "Regular"; inside("") }
CopyFileRequest { input.file_type == "Directory"; inside("") }
CopyFileRequest {
    input.file_type == "Symlink"
    inside(".*/.+")
    not climbs(input.symlink_target)
    not startswith(input.symlink_target, "/")
}

inside(end) {
    not climbs(input.path)
    start := "^/run/kata-containers/shared/containers(?:/passthrough)?/(watchable/)?[a-z0-9]{64}-[a-z0-9]{16}-"
    regex.match(concat("", [start, end]), input.path)
}

climbs(path) { regex.match("(^|/)\\.\\.($|/)", path) }
