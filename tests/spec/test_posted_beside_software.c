/*
 * Devices that post interrupts to one descriptor at once, while software takes what they posted with
 * atomic instructions (VT-d 5.2.3, 5.2.5): nothing is lost, and each setting of ON is one notification.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "posted.h"

/* A device that posts one vector, again and again. */
struct poster {
	struct iommusim_requester *device;
	unsigned index, vector;
	bool patient;           /* the next one only when software has taken the last one */
	_Atomic uint32_t taken; /* by software */
	_Atomic bool done;
	const _Atomic bool *stop;
	uint32_t posted, notified, impossible;
	pthread_t thread;
};

/* Patient ones change the processor's thread for theirs each time, which takes long on a busy machine. */
enum { POSTERS = 3, POSTS = 20000, PATIENT_POSTS = 2000, PATIENCE = 1 << 26 };

static uint32_t posts_of(bool patient)
{
	return patient ? PATIENT_POSTS : POSTS;
}

/* Mostly at full speed: what is looked for happens within nanoseconds. */
static void rest(unsigned spins)
{
	if (spins % 256 == 0)
		sched_yield();
}

static void *post_again(void *context)
{
	struct poster *poster = context;

	while (poster->posted < posts_of(poster->patient) && !atomic_load(poster->stop)) {
		unsigned spins = 0;
		struct iommusim_interrupt out;
		struct iommusim_fault fault;

		if (iommusim_requester_interrupt(poster->device, POST_REQUEST | poster->index << 5, 0,
			&out, &fault) != IOMMUSIM_OK ||
		    fault.class_ != IOMMUSIM_FAULT_NONE || !out.posted)
			poster->impossible++;
		poster->notified += out.address != 0;
		poster->posted++;
		while (poster->patient && atomic_load(&poster->taken) < poster->posted &&
		    !atomic_load(poster->stop))
			rest(++spins);
	}
	atomic_store(&poster->done, true);
	return NULL;
}

/* What the processor does with a descriptor: only with atomic instructions, ON before PIR. */
struct processor {
	bool watches;    /* ON itself; else it waits for notifications */
	bool suppresses; /* notifications, now and then */
	struct iommusim_machine *machine;
	uint64_t *descriptor;
	struct poster *posters;
	uint32_t messages, cleared, impossible;
};

static bool take_requests(struct processor *processor)
{
	bool any = false;

	for (unsigned quad = 0; quad < 4; quad++) {
		const uint64_t bits =
		    __atomic_exchange_n(&processor->descriptor[quad], 0, __ATOMIC_ACQ_REL);
		uint64_t known = 0;

		for (unsigned i = 0; i < POSTERS; i++) {
			struct poster *poster = &processor->posters[i];
			const uint64_t bit = poster->vector / 64 == quad ? BIT(poster->vector % 64) : 0;

			known |= bit;
			if ((bits & bit) != 0)
				atomic_fetch_add(&poster->taken, 1);
		}
		processor->impossible += (bits & ~known) != 0;
		any |= bits != 0;
	}
	return any;
}

static bool take_message(struct processor *processor)
{
	struct iommusim_interrupt message;

	if (iommusim_interrupt_take(processor->machine, &message) != IOMMUSIM_OK)
		return false;
	processor->messages++;
	processor->impossible += !message.posted || !message.from_unit ||
	    message.address != 0xfee07000 || message.data != 0x40f2;
	return true;
}

/* Has ON been set? Who waits for the message knows that there is no second one while ON is set. */
static bool hear(struct processor *processor)
{
	const bool heard = take_message(processor);

	if (processor->watches)
		return (__atomic_load_n(&processor->descriptor[4], __ATOMIC_ACQUIRE) & POST_ON) != 0;
	processor->impossible += heard && iommusim_interrupt_pending(processor->machine) != 0;
	return heard;
}

static bool answer_notification(struct processor *processor)
{
	if (!hear(processor))
		return false;
	if ((__atomic_fetch_and(&processor->descriptor[4], ~POST_ON, __ATOMIC_ACQ_REL) & POST_ON) != 0)
		processor->cleared++;
	take_requests(processor);
	return true;
}

/* As a hypervisor does around a virtual processor that does not run: what came meanwhile it looks up. */
static bool suppress_for_a_while(struct processor *processor)
{
	__atomic_fetch_or(&processor->descriptor[4], POST_SN, __ATOMIC_ACQ_REL);
	for (unsigned i = 0; i < 64; i++)
		atomic_load(&processor->posters[0].done); /* time passes */
	__atomic_fetch_and(&processor->descriptor[4], ~POST_SN, __ATOMIC_SEQ_CST);
	return take_requests(processor);
}

static bool all_done(struct poster *posters)
{
	bool done = true;

	for (unsigned i = 0; i < POSTERS; i++)
		done &= atomic_load(&posters[i].done);
	return done;
}

static void run_processor(struct processor *processor)
{
	unsigned idle = 0;

	while (!all_done(processor->posters) && idle < PATIENCE) {
		bool progress = answer_notification(processor);

		if (processor->suppresses)
			progress |= suppress_for_a_while(processor);
		idle = progress ? 0 : idle + 1;
		rest(idle);
	}
}

/* When the devices are done: what nobody waited for. */
static void finish(struct processor *processor)
{
	while (answer_notification(processor) || take_message(processor))
		;
	take_requests(processor); /* posted under SN when nobody notified any more */
}

/* Two vectors of one quadword and one of another; the first is urgent. */
static void post_beside_software(bool patient, bool watches, bool suppresses)
{
	static const uint8_t vectors[POSTERS] = { 0x01, 0x3f, 0xff };
	struct poster posters[POSTERS] = { { .posted = 0 } };
	struct processor processor = {
		.watches = watches, .suppresses = suppresses, .posters = posters
	};
	_Atomic bool stop = false;
	struct post_scene scene;
	uint32_t notified = 0;

	post_start_with(&scene, (struct vtd_setup){ .levels = 0 }, 5);
	post_set_descriptor(&scene, POST_DESCRIPTOR, POST_TARGET);
	processor.machine = scene.vtd.machine;
	processor.descriptor = iommusim_memory_host(scene.vtd.machine, POST_DESCRIPTOR, 64);
	for (unsigned i = 0; i < POSTERS; i++) {
		post_set(&scene, i, vectors[i], POST_DESCRIPTOR, i == 0 ? POST_URG : 0);
		posters[i].index = i;
		posters[i].vector = vectors[i];
		posters[i].patient = patient;
		posters[i].stop = &stop;
		assert_int_equal(iommusim_requester_create(
				     scene.vtd.machine, 0, (uint16_t)(VTD_RID + i), &posters[i].device),
		    IOMMUSIM_OK);
	}
	for (unsigned i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_again, &posters[i]), 0);
	run_processor(&processor);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
	finish(&processor);
	for (unsigned i = 0; i < POSTERS; i++) {
		assert_int_equal(posters[i].impossible, 0);
		assert_int_equal(posters[i].posted, posts_of(patient));
		if (patient) /* each of them arrived, once */
			assert_int_equal(posters[i].taken, PATIENT_POSTS);
		else
			assert_in_range(posters[i].taken, 1, POSTS);
		notified += posters[i].notified;
	}
	assert_int_equal(processor.impossible, 0);
	assert_int_equal(processor.cleared, processor.messages);
	assert_int_equal(notified, processor.messages);
	assert_int_equal(iommusim_interrupt_lost(scene.vtd.machine), 0);
	post_expect_descriptor(&scene, POST_DESCRIPTOR, NULL, 0, POST_TARGET);
	vt_stop(&scene.vtd);
}

/* Software waits for notifications alone: one that failed to come would leave everybody waiting. */
static void each_notification_announces_what_was_posted(void **state)
{
	(void)state;
	post_beside_software(true, false, false);
}

/* Software acts the moment ON is set: what is not in PIR by then would not be found. */
static void nothing_is_posted_after_on_was_set_for_it(void **state)
{
	(void)state;
	post_beside_software(true, true, false);
}

static void nothing_posted_is_lost_while_notifications_are_suppressed_now_and_then(void **state)
{
	(void)state;
	post_beside_software(true, false, true);
	post_beside_software(true, true, true);
}

/* Without pause: requests for one vector melt into one bit, and notifications still match ON. */
static void devices_that_never_wait_notify_once_until_software_answers(void **state)
{
	(void)state;
	post_beside_software(false, false, false);
	post_beside_software(false, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_notification_announces_what_was_posted),
		cmocka_unit_test(nothing_is_posted_after_on_was_set_for_it),
		cmocka_unit_test(
		    nothing_posted_is_lost_while_notifications_are_suppressed_now_and_then),
		cmocka_unit_test(devices_that_never_wait_notify_once_until_software_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
