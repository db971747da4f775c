/*
 * Page requests as a requester makes them, and the responses that wait for it. What becomes of a
 * request is the model's business.
 */
#include <string.h>

#include <iommusim/page_request.h>

#include "machine/unit_model.h"

/* ---- responses that wait ------------------------------------------------------------------------- */

bool page_responses_create(struct page_responses *responses)
{
	return pthread_mutex_init(&responses->lock, NULL) == 0;
}

void page_responses_destroy(struct page_responses *responses)
{
	pthread_mutex_destroy(&responses->lock);
}

/* A device that takes none loses the oldest ones: they are about what it has given up longest ago. */
void page_responses_put(struct page_responses *responses, const struct iommusim_page_response *response)
{
	pthread_mutex_lock(&responses->lock);
	if (responses->count == IOMMUSIM_PAGE_RESPONSES) {
		responses->first = (responses->first + 1) % IOMMUSIM_PAGE_RESPONSES;
		responses->count--;
		responses->lost++;
	}
	responses->ring[(responses->first + responses->count++) % IOMMUSIM_PAGE_RESPONSES] = *response;
	pthread_mutex_unlock(&responses->lock);
}

bool iommusim_requester_take_response(
    struct iommusim_requester *requester, struct iommusim_page_response *response)
{
	struct page_responses *responses = requester_responses(requester);
	bool taken = false;

	pthread_mutex_lock(&responses->lock);
	if (responses->count > 0) {
		*response = responses->ring[responses->first];
		responses->first = (responses->first + 1) % IOMMUSIM_PAGE_RESPONSES;
		responses->count--;
		taken = true;
	}
	pthread_mutex_unlock(&responses->lock);
	return taken;
}

uint64_t iommusim_requester_lost_responses(struct iommusim_requester *requester)
{
	struct page_responses *responses = requester_responses(requester);
	uint64_t lost;

	pthread_mutex_lock(&responses->lock);
	lost = responses->lost;
	pthread_mutex_unlock(&responses->lock);
	return lost;
}

/* ---- one request --------------------------------------------------------------------------------- */

static bool is_message(const struct iommusim_page_request *request)
{
	return request->group >> 9 == 0 && (!request->has_pasid || request->pasid >> 20 == 0);
}

/* As the message has it: what stands in the PASID prefix is there only with one. */
static struct iommusim_page_request message_of(const struct iommusim_page_request *request)
{
	struct iommusim_page_request message = *request;

	if (!request->has_pasid) {
		message.pasid = 0;
		message.privileged = message.execute = false;
	}
	return message;
}

enum iommusim_status iommusim_requester_page_request(struct iommusim_requester *requester,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome)
{
	struct iommusim_page_request message;
	struct iommusim_unit *unit;

	if (!is_message(request))
		return IOMMUSIM_EINVAL;
	message = message_of(request);
	memset(outcome, 0, sizeof(*outcome));
	outcome->result = IOMMUSIM_PAGE_REQUEST_UNSUPPORTED;
	unit = requester_begin_request(requester);
	if (unit != NULL && unit->model->request_page != NULL)
		unit->model->request_page(unit, iommusim_requester_rid(requester), &message, outcome);
	if (outcome->answered)
		page_responses_put(requester_responses(requester), &outcome->response);
	requester_end_work(requester);
	return IOMMUSIM_OK;
}
