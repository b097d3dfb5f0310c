# Reference values are asked for by name; the answer is null where there are none or they have expired.
reference_values(name) := query_reference_value(name)
