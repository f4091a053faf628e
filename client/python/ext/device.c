/* SPDX-License-Identifier: MIT */
/*
 * The devices of which something may be leased: a snapshot, as tuples.
 */
#include "ext.h"

static PyObject *device_tuple(const struct mmiod_device *device)
{
	return Py_BuildValue(
		"sssHHIisIIINNNIK", mmiod_device_name(device), mmiod_device_address(device),
		mmiod_device_model(device), mmiod_device_vendor(device),
		mmiod_device_product(device), mmiod_device_rights(device),
		mmiod_device_state(device), mmiod_device_missing(device),
		mmiod_device_interrupt(device), mmiod_device_vectors(device),
		mmiod_device_leases(device), PyBool_FromLong(mmiod_device_masters(device)),
		PyBool_FromLong(mmiod_device_quiet(device)),
		PyBool_FromLong(mmiod_device_sleeps(device)), mmiod_device_resets(device),
		(unsigned long long)mmiod_device_operator(device));
}

static PyObject *device_tuples(const struct mmiod_device_list *list)
{
	size_t count = mmiod_device_list_count(list);
	PyObject *result = PyList_New((Py_ssize_t)count);

	for (size_t i = 0; result && i < count; i++) {
		PyObject *tuple = device_tuple(mmiod_device_list_get(list, i));

		if (!tuple || PyList_SetItem(result, (Py_ssize_t)i, tuple))
			Py_CLEAR(result);
	}
	return result;
}

PyObject *client_devices(PyObject *object, PyObject *none)
{
	struct client *self = (struct client *)object;
	struct mmiod_client *client = client_enter(self);
	struct mmiod_device_list *list = NULL;
	PyObject *result = NULL;
	int err;

	if (!client)
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_list_devices(client, &list);
	Py_END_ALLOW_THREADS if (err) error_raise(err, mmiod_client_error(client));
	else result = device_tuples(list);
	mmiod_device_list_free(list);
	client_leave(self);
	return result;
}
