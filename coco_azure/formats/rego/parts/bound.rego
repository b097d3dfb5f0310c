# What is asked for is bound to initdata: PCR 8 in the pod VM's evidence says with which document it was started.
may_have if {
	secrets_of[initdata]
	resource in shared
}

may_have if resource in secrets_of[initdata]
