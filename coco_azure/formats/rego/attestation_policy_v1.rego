# Which evidence is good (chapter 7.13.2, for engines of Rego v1): each claim that has reference values must be one of
# them.
package policy

import rego.v1

default allow := false

allow if {
	every k, v in input {
		judge_field(k, v)
	}
}

judge_field(input_key, input_value) if {
	has_key(data.reference, input_key)
	reference_value := data.reference[input_key]
	match_value(reference_value, input_value)
}

judge_field(input_key, _) if not has_key(data.reference, input_key)

match_value(reference_value, input_value) if {
	not is_array(reference_value)
	input_value == reference_value
}

match_value(reference_value, input_value) if {
	is_array(reference_value)
	array_include(reference_value, input_value)
}

array_include(reference_values, _) if reference_values == []

array_include(reference_values, input_value) if input_value in reference_values

has_key(m, k) if _ = m[k]
