# The agent keeps what is added here, so that a command of one container is not run in another. A request that another
# rule denies then has two answers, which the agent takes for none.
CreateContainerRequest := {"allowed": true, "ops": [{"op": "add", "path": state_path, "value": workload_matches}]} if {
	count(workload_matches) > 0
	state_fits
}

CreateContainerRequest := false if {
	count(workload_matches) > 0
	not state_fits
}

state_path := concat("", ["/pstate/", input.container_id])

# A container that is there does not become another one.
state_fits if object.get(data.pstate, input.container_id, workload_matches) == workload_matches

# Commands of probes and hooks.
ExecProcessRequest if {
	object.get(input, "string_user", null) == null
	some index in data.pstate[input.container_id]
	container := workload[index]
	input.process.Args in container.commands
	input.process.Terminal in [false, container.tty]
	process_fits(container, input.process)

	# The shim of Kata 3.12 to 3.25 asks for none (kata_agent.go cmdToKataProcess).
	every capability in [each | each := input.process.Capabilities[_][_]] {
		capability in object.get(container, "caps", capabilities)
	}
}
