/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: each is an mmiod.Error, which is an OSError with errno and the daemon's sentence, and
 * also what Python calls such an error.
 */
#include "ext.h"

#include <errno.h>
#include <string.h>

static PyObject *base;

static struct kind {
	const char *name;
	PyObject **also; /* what Python calls it; NULL: nothing */
	const char *doc;
	int errnos[4]; /* 0 behind the last */
	PyObject *type;
} kinds[] = {
	{ "Denied", &PyExc_PermissionError, "Policy does not allow it.", { EACCES, EPERM } },
	{ "Busy",
	  &PyExc_BlockingIOError,
	  "Somebody else holds it, or a quota is reached.",
	  { EBUSY, EDQUOT } },
	{ "NotFound",
	  &PyExc_FileNotFoundError,
	  "There is no such region, device, lease or window.",
	  { ENOENT } },
	{ "Timeout", &PyExc_TimeoutError, "It did not happen in time.", { ETIMEDOUT } },
	{ "Gone", NULL, "It was revoked, or its device is gone.", { ENODEV } },
	{ "NoDaemon",
	  &PyExc_ConnectionError,
	  "There is no daemon, or it does not answer.",
	  { ECONNREFUSED, ECONNRESET, EPIPE } },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define NO_DAEMON (KINDS - 1)

static PyObject *make(const char *name, const char *doc, PyObject *bases)
{
	char full[64];

	PyOS_snprintf(full, sizeof(full), "mmiod.%s", name);
	return PyErr_NewExceptionWithDoc(full, doc, bases, NULL);
}

static int add_kind(PyObject *module, struct kind *kind)
{
	PyObject *bases = kind->also ? PyTuple_Pack(2, base, *kind->also) : PyTuple_Pack(1, base);

	if (!bases)
		return -1;
	kind->type = make(kind->name, kind->doc, bases);
	Py_DECREF(bases);
	return kind->type ? PyModule_AddObjectRef(module, kind->name, kind->type) : -1;
}

int error_add(PyObject *module)
{
	base = make("Error", "What mmiod refuses or cannot do: errno, and the sentence.",
		    PyExc_OSError);
	if (!base || PyModule_AddObjectRef(module, "Error", base))
		return -1;
	for (size_t i = 0; i < KINDS; i++)
		if (add_kind(module, &kinds[i]))
			return -1;
	return 0;
}

static PyObject *type_of(int err)
{
	for (size_t i = 0; i < KINDS; i++)
		for (const int *number = kinds[i].errnos; *number; number++)
			if (*number == err)
				return kinds[i].type;
	return base;
}

static PyObject *raise_as(PyObject *type, int err, const char *sentence)
{
	PyObject *arguments = Py_BuildValue("(is)", err, sentence[0] ? sentence : strerror(err));

	if (arguments)
		PyErr_SetObject(type, arguments);
	Py_XDECREF(arguments);
	return NULL;
}

PyObject *error_raise(int err, const char *sentence)
{
	if (err == -ENOMEM)
		return PyErr_NoMemory();
	return raise_as(type_of(-err), -err, sentence);
}

PyObject *error_raise_connect(int err)
{
	const char *sentence = mmiod_client_error(NULL);

	if (err == -ENOENT)
		return raise_as(kinds[NO_DAEMON].type, -err, sentence);
	return error_raise(err, sentence);
}
