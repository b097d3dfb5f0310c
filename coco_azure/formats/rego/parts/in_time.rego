# RVPS of this version goes on giving values that have expired, so the policy itself ends with them.
in_time if time.now_ns() < expires_ns
