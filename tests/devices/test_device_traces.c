/* The trace language on devices with behaviour: what they send is judged, and what their drivers are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios/story.h"

int main(void)
{
	return 0;
}
