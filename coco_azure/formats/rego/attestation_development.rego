# Which evidence is good, for development: that of a genuine pod VM of Azure which nobody debugs. A PCR that has
# reference values must be one of them; one that has none may be anything (chapter 7.13.2).
package policy

import rego.v1

hardware_good if genuine

configuration_good if debug_off

executables_good if {
	names := pcr_names[tee]
	every pcr, name in names {
		not contradicted(pcr, name)
	}
}

contradicted(pcr, name) if {
	values := reference_values(name)
	is_array(values)
	values != []
	not claim(tee, concat(".", ["tpm", pcr])) in values
}
