tcb_current if claim("tdx", "tcb_status") == "UpToDate"
