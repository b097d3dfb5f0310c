tcb_current if claim("tdx", "tcb_status") in {"OK", "UpToDate"}

# The verifier of Trustee 0.3 keeps the state of a TD's TCB to its log; that of 0.4 always makes the claim.
tcb_current if not claim("tdx", "tcb_status")
