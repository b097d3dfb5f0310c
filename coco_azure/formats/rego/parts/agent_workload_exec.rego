kept := workload_matches

# Commands of probes and hooks, each in its own container.
ExecProcessRequest if {
	blank(input, ["string_user", "stdin_port", "stdout_port", "stderr_port"])
	blank(input.process, ["SelinuxLabel"])
	some index in data.pstate[input.container_id].workload
	container := workload[index]
	input.process.Args in container.commands
	input.process.Terminal in [false, container.tty]
	process_fits(container, input.process)

	# The shim of Kata 3.12 to 3.25 asks for none (kata_agent.go cmdToKataProcess).
	every capability in [each | each := input.process.Capabilities[_][_]] {
		capability in object.get(container, "caps", capabilities)
	}
}
