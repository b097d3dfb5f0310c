# Nothing ends here: RVPS leaves out values that have expired.
in_time := true
