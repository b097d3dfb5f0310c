# Claims as the Simple broker names them: flattened, behind the name of the attester.
claim(kind, path) := input[concat(".", [claims_of[kind], path])]
