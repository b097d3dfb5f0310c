# Which evidence is good: that of a genuine pod VM of Azure that can be neither debugged nor migrated, whose firmware is
# no older than demanded (SNP) or current (TDX), and each of whose demanded PCRs is one of its reference values. A
# reference value that is missing or has expired is a no.
package policy

import rego.v1

hardware_good if {
	genuine
	tee == "snp"
	tcb_new_enough
}

hardware_good if {
	genuine
	tee == "tdx"
	tcb_current
}

configuration_good if {
	debug_off
	migration_off
}

executables_good if {
	in_time
	names := pcr_names[tee]
	every pcr, name in names {
		values := reference_values(name)
		is_array(values)
		claim(tee, concat(".", ["tpm", pcr])) in values
	}
}

migration_off if {
	tee == "snp"
	claim("snp", "policy_migrate_ma") in off
}

# Bit 29 of a TD's attributes makes it migratable: the second bit of the seventh hexadecimal digit.
migration_off if {
	tee == "tdx"
	substring(claim("tdx", "quote.body.td_attributes"), 6, 1) in {"0", "1", "4", "5", "8", "9", "c", "d"}
}
