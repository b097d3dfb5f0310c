# Claims as the EAR broker hands them over: an object under the name of the attester.
claim(kind, path) := value if {
	value := object.get(input, array.concat([claims_of[kind]], split(path, ".")), null)
	value != null
}
