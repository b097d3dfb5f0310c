# From Trustee 1.1 on the broker reads the verdict from one object.
trust_claims := {
	"hardware": hardware,
	"configuration": configuration,
	"executables": executables,
}
