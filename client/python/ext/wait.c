/* SPDX-License-Identifier: MIT */
/*
 * Wait: a lease that is waited for without blocking, for event loops.
 */
#include "ext.h"

#include <errno.h>

struct waiting {
	PyObject ob_base;
	struct mmiod_wait *wait; /* NULL: it is over */
	struct client *client;
};

static PyTypeObject *wait_type;

/* Wait(wait_ms, client, region, …): as Lease(), with how long before it. */
static PyObject *wait_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	PyObject *first = PyTuple_GetItem(args, 0);
	unsigned long wait_ms = first ? PyLong_AsUnsignedLong(first) : 0;
	struct mmiod_register_write writes[8];
	struct mmiod_want want;
	struct waiting *self;
	PyObject *rest;
	int err;

	if (PyErr_Occurred())
		return NULL;
	self = (struct waiting *)allocate(type, 0);
	rest = PyTuple_GetSlice(args, 1, PyTuple_Size(args));
	err = !self || !rest || lease_want(rest, kwargs, &self->client, &want, writes) ||
	      !client_enter(self->client);
	if (!err) {
		Py_INCREF((PyObject *)self->client);
		err = mmiod_wait_start(self->client->client, &want, 1, 0, (uint32_t)wait_ms,
				       &self->wait);
		if (err)
			error_raise(err, mmiod_client_error(self->client->client));
		client_leave(self->client);
	} else if (self) {
		self->client = NULL;
	}
	Py_XDECREF(rest);
	if (err)
		Py_CLEAR(self);
	return (PyObject *)self;
}

static void cancel(struct waiting *self)
{
	if (!self->client)
		return;
	client_lock(self->client);
	mmiod_wait_cancel(self->wait);
	self->wait = NULL;
	client_leave(self->client);
}

static PyObject *wait_cancel(PyObject *object, PyObject *none)
{
	cancel((struct waiting *)object);
	return Py_NewRef(Py_None);
}

static void wait_dealloc(PyObject *object)
{
	struct waiting *self = (struct waiting *)object;
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	cancel(self);
	Py_XDECREF((PyObject *)self->client);
	release(object);
	Py_DECREF(type);
}

static PyObject *wait_fileno(PyObject *object, PyObject *none)
{
	const struct waiting *self = (const struct waiting *)object;

	if (self->wait)
		return PyLong_FromLong(mmiod_wait_fd(self->wait));
	PyErr_SetString(PyExc_ValueError, "the wait is over");
	return NULL;
}

/* finish(class): a lease of that class, or None as long as there is no answer. */
static PyObject *wait_finish(PyObject *object, PyObject *class)
{
	struct waiting *self = (struct waiting *)object;
	struct mmiod_lease *made = NULL;
	PyObject *result = NULL;
	int n;

	if (!self->wait)
		return PyErr_Format(PyExc_ValueError, "the wait is over");
	client_lock(self->client);
	n = mmiod_wait_finish(self->wait, &made, NULL);
	if (n != -EAGAIN)
		self->wait = NULL;
	if (n == -EAGAIN)
		result = Py_NewRef(Py_None);
	else if (n > 0)
		result = lease_wrap((PyTypeObject *)class, made, self->client);
	else
		error_raise(n, mmiod_client_error(self->client->client));
	client_leave(self->client);
	return result;
}

static PyMethodDef methods[] = {
	{ "fileno", wait_fileno, METH_NOARGS, NULL },
	{ "finish", wait_finish, METH_O, NULL },
	{ "cancel", wait_cancel, METH_NOARGS, NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, wait_new },
	{ Py_tp_dealloc, wait_dealloc },
	{ Py_tp_methods, methods },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "mmiod._ext.Wait",
	.basicsize = sizeof(struct waiting),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int wait_add(PyObject *module)
{
	return ext_add_type(module, &spec, &wait_type);
}
