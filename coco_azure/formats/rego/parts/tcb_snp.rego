# The firmware of an SNP machine is as new as demanded: no security version number of the report is below its minimum.
tcb_new_enough if {
	least := snp_tcb_minimum
	every part, number in least {
		to_number(claim("snp", concat("", ["reported_tcb_", part]))) >= number
	}
}
