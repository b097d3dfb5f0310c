# The verdict of an EAR token, in numbers of AR4SI: what is not affirmed is contraindicated, so that a resource policy
# which only turns away the contraindicated says no as well.
default hardware := 97

hardware := 2 if hardware_good

default configuration := 96

configuration := 2 if configuration_good

default executables := 96

executables := 3 if executables_good
