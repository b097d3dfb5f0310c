# Kata agent policy: a pod starts, runs and stops; nobody looks in, types into it, or changes the rules afterwards.
package agent_policy

import rego.v1

default CopyFileRequest := true

default CreateContainerRequest := true

default CreateSandboxRequest := true

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
