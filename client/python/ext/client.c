/* SPDX-License-Identifier: MIT */
/*
 * Client: the connection. What is asked for by it (leases, waits) has files of its own.
 */
#include "ext.h"

#include <errno.h>

PyTypeObject *client_type;

void client_lock(struct client *client)
{
	if (PyThread_acquire_lock(client->lock, NOWAIT_LOCK))
		return;
	Py_BEGIN_ALLOW_THREADS PyThread_acquire_lock(client->lock, WAIT_LOCK);
	Py_END_ALLOW_THREADS
}

void client_leave(struct client *client)
{
	PyThread_release_lock(client->lock);
}

struct mmiod_client *client_enter(struct client *client)
{
	client_lock(client);
	if (client->client)
		return client->client;
	client_leave(client);
	PyErr_SetString(PyExc_ValueError, "the client is closed");
	return NULL;
}

/* The end of a call: raises what went wrong, or gives @result, which it takes over. */
static PyObject *leave(struct client *client, int err, PyObject *result)
{
	if (err < 0) {
		Py_XDECREF(result);
		result = error_raise(err, mmiod_client_error(client->client));
	}
	client_leave(client);
	return result;
}

static PyObject *client_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	const char *path = NULL;
	struct client *self;
	int err;

	if (!PyArg_ParseTuple(args, "|z:Client", &path))
		return NULL;
	self = (struct client *)allocate(type, 0);
	if (!self)
		return NULL;
	self->lock = PyThread_allocate_lock();
	if (!self->lock) {
		Py_DECREF(self);
		return PyErr_NoMemory();
	}
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_connect(path, &self->client);
	Py_END_ALLOW_THREADS if (!err)
	{
		mmiod_client_set_interruptible(self->client, 1);
		return (PyObject *)self;
	}
	self->client = NULL;
	error_raise_connect(err);
	Py_DECREF(self);
	return NULL;
}

static void client_dealloc(PyObject *object)
{
	struct client *self = (struct client *)object;
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	mmiod_client_free(self->client);
	if (self->lock)
		PyThread_free_lock(self->lock);
	release(object);
	Py_DECREF(type);
}

static PyObject *client_close(PyObject *object, PyObject *none)
{
	struct client *self = (struct client *)object;

	client_lock(self);
	mmiod_client_free(self->client);
	self->client = NULL;
	client_leave(self);
	return Py_NewRef(Py_None);
}

static PyObject *client_fileno(PyObject *object, PyObject *none)
{
	struct mmiod_client *client = client_enter((struct client *)object);
	int fd;

	if (!client)
		return NULL;
	fd = mmiod_client_event_fd(client);
	return leave((struct client *)object, fd, fd < 0 ? NULL : PyLong_FromLong(fd));
}

static PyObject *client_set_wait(PyObject *object, PyObject *argument)
{
	unsigned long milliseconds = PyLong_AsUnsignedLong(argument);
	struct mmiod_client *client;

	if (PyErr_Occurred())
		return NULL;
	client = client_enter((struct client *)object);
	if (!client)
		return NULL;
	mmiod_client_set_wait(client, (uint32_t)milliseconds);
	return leave((struct client *)object, 0, Py_NewRef(Py_None));
}

static PyObject *client_set_parking(PyObject *object, PyObject *argument)
{
	unsigned long milliseconds = PyLong_AsUnsignedLong(argument);
	struct mmiod_client *client;
	int err;

	if (PyErr_Occurred())
		return NULL;
	client = client_enter((struct client *)object);
	if (!client)
		return NULL;
	if (milliseconds > UINT32_MAX)
		milliseconds = UINT32_MAX;
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_set_parking(client, (uint32_t)milliseconds);
	Py_END_ALLOW_THREADS return leave((struct client *)object, err, Py_NewRef(Py_None));
}

/* Takes no lock: it is for calls that have it. */
static PyObject *client_cancel(PyObject *object, PyObject *none)
{
	struct client *self = (struct client *)object;

	if (self->client)
		mmiod_client_cancel(self->client);
	return Py_NewRef(Py_None);
}

static PyObject *client_next_event(PyObject *object, PyObject *none)
{
	struct mmiod_client *client = client_enter((struct client *)object);
	PyObject *result = NULL;
	struct mmiod_event event;
	int n;

	if (!client)
		return NULL;
	n = mmiod_client_next_event(client, &event);
	if (n == 0)
		result = Py_NewRef(Py_None);
	else if (n > 0)
		result = Py_BuildValue("iKks", event.type, (unsigned long long)event.lease,
				       (unsigned long)event.deadline_ms, event.text);
	return leave((struct client *)object, n, result);
}

static PyObject *client_status(PyObject *object, PyObject *none)
{
	struct mmiod_client *client = client_enter((struct client *)object);
	struct mmiod_status s;
	int err;

	if (!client)
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_status(client, &s);
	Py_END_ALLOW_THREADS return leave(
		(struct client *)object, err,
		Py_BuildValue("{s:s,s:i,s:k,s:K,s:k,s:k,s:k,s:k,s:N,s:N,s:s}", "version", s.version,
			      "backend", s.backend, "daemon_pid", (unsigned long)s.daemon_pid,
			      "started", (unsigned long long)s.started, "regions",
			      (unsigned long)s.regions, "clients", (unsigned long)s.clients,
			      "leases", (unsigned long)s.leases, "uid", (unsigned long)s.uid,
			      "admin", PyBool_FromLong(s.admin), "inspect",
			      PyBool_FromLong(s.inspect), "warning", s.warning));
}

static PyObject *region_tuple(const struct mmiod_region *region)
{
	return Py_BuildValue("sssHHiKKKIIIiiI", mmiod_region_name(region),
			     mmiod_region_device(region), mmiod_region_model(region),
			     mmiod_region_vendor(region), mmiod_region_product(region),
			     mmiod_region_bar(region),
			     (unsigned long long)mmiod_region_offset(region),
			     (unsigned long long)mmiod_region_length(region),
			     (unsigned long long)mmiod_region_phys(region),
			     mmiod_region_width(region) * 8, mmiod_region_rights(region),
			     mmiod_region_memtypes(region), mmiod_region_memtype(region),
			     mmiod_region_state(region), mmiod_region_leases(region));
}

static PyObject *region_tuples(const struct mmiod_region_list *list)
{
	size_t count = mmiod_region_list_count(list);
	PyObject *result = PyList_New((Py_ssize_t)count);

	for (size_t i = 0; result && i < count; i++) {
		PyObject *tuple = region_tuple(mmiod_region_list_get(list, i));

		if (!tuple || PyList_SetItem(result, (Py_ssize_t)i, tuple))
			Py_CLEAR(result);
	}
	return result;
}

static PyObject *client_regions(PyObject *object, PyObject *none)
{
	struct mmiod_client *client = client_enter((struct client *)object);
	struct mmiod_region_list *list = NULL;
	PyObject *result = NULL;
	int err;

	if (!client)
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_list_regions(client, &list);
	Py_END_ALLOW_THREADS if (!err)
	{
		result = region_tuples(list);
		mmiod_region_list_free(list);
	}
	return leave((struct client *)object, err, result);
}

static PyObject *client_revoke(PyObject *object, PyObject *args)
{
	unsigned long deadline_ms;
	unsigned long long lease;
	struct mmiod_client *client;
	int err;

	if (!PyArg_ParseTuple(args, "Kk:revoke", &lease, &deadline_ms))
		return NULL;
	client = client_enter((struct client *)object);
	if (!client)
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_revoke(client, lease, (uint32_t)deadline_ms);
	Py_END_ALLOW_THREADS return leave((struct client *)object, err, Py_NewRef(Py_None));
}

static PyObject *answer_dict(const struct mmiod_policy_answer *answer)
{
	return Py_BuildValue("{s:N,s:s,s:s,s:I,s:s,s:s,s:i}", "allowed",
			     PyBool_FromLong(answer->allowed), "grant", answer->grant, "file",
			     answer->file, "line", answer->line, "text", answer->text, "instead",
			     answer->instead, "error", -answer->error);
}

static PyObject *client_explain(PyObject *object, PyObject *args)
{
	struct mmiod_policy_question question = { 0 };
	unsigned long long offset, length;
	int cache, share, memory, err;
	struct mmiod_policy_answer answer;
	struct mmiod_client *client;

	if (!PyArg_ParseTuple(args, "zKKIiii:explain", &question.region, &offset, &length,
			      &question.rights, &cache, &share, &memory))
		return NULL;
	question.offset = offset;
	question.length = length;
	question.cache = cache;
	question.share = share;
	question.memory = memory;
	client = client_enter((struct client *)object);
	if (!client)
		return NULL;
	Py_BEGIN_ALLOW_THREADS err = mmiod_client_explain(client, &question, &answer);
	Py_END_ALLOW_THREADS return leave((struct client *)object, err,
					  err ? NULL : answer_dict(&answer));
}

static PyMethodDef methods[] = {
	{ "close", client_close, METH_NOARGS,
	  "close($self)\n--\n\nClose the connection. Leases and mappings live on." },
	{ "fileno", client_fileno, METH_NOARGS,
	  "fileno($self)\n--\n\nReadable when there is an event to take or a lease to renew." },
	{ "set_wait", client_set_wait, METH_O,
	  "set_wait($self, milliseconds, /)\n--\n\nHow long later requests for leases wait for "
	  "what others hold." },
	{ "set_parking", client_set_parking, METH_O,
	  "set_parking($self, milliseconds, /)\n--\n\nFor how long leases that are closed from now "
	  "on are kept for who leases the same again, if nobody else wants them; 0: not at all." },
	{ "cancel", client_cancel, METH_NOARGS,
	  "cancel($self)\n--\n\nBreak off the call of another thread that waits." },
	{ "next_event", client_next_event, METH_NOARGS, NULL },
	{ "status", client_status, METH_NOARGS, NULL },
	{ "regions", client_regions, METH_NOARGS, NULL },
	{ "devices", client_devices, METH_NOARGS, NULL },
	{ "revoke", client_revoke, METH_VARARGS, NULL },
	{ "explain", client_explain, METH_VARARGS, NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, client_new },
	{ Py_tp_dealloc, client_dealloc },
	{ Py_tp_methods, methods },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "mmiod._ext.Client",
	.basicsize = sizeof(struct client),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

int client_add(PyObject *module)
{
	return ext_add_type(module, &spec, &client_type);
}
