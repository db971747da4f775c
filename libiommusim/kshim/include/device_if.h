/* The interface of devices, under the name of the file that a kernel build generates. */
#include <sys/bus.h>
