# Reference values are data; RVPS leaves out those that have expired.
reference_values(name) := data.reference[name]
