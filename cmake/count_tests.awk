# Reads the JUnit file of a ctest run and prints "N passed, N failed" with ", N skipped" where there are any.
#
# A cmocka program counts case by case, everything else as one test. A case that began and never said
# how it ended (a crash, a timeout, a failed setup) failed; so did a program that ctest calls failed
# although each of its cases was fine (a leak found at exit, for example).

/<testcase / {
	cases = program_failed = open = 0
	status = $0
	sub(/.* status="/, "", status)
	sub(/".*/, "", status)
	skipped_by_ctest = status == "disabled"
}
/<skipped message="SKIP_/ { skipped_by_ctest = 1 }
/\[ RUN      \] / {
	failed += open
	program_failed += open
	open = 1
	cases++
}
open && /\[       OK \] / { passed++; open = 0 }
open && /\[  SKIPPED \] / { skipped++; open = 0 }
open && /\[  FAILED  \] / { failed++; program_failed++; open = 0 }
/<\/testcase>/ {
	failed += open
	program_failed += open
	if (skipped_by_ctest)
		skipped++
	else if (status != "run")
		failed += !program_failed
	else
		passed += !cases
}
END {
	printf "%d passed, %d failed", passed, failed
	if (skipped)
		printf ", %d skipped", skipped
	print ""
}
