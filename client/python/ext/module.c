/* SPDX-License-Identifier: MIT */
/*
 * mmiod._ext: the module itself.
 */
#include "ext.h"

int ext_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type)
{
	*type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
	return *type ? PyModule_AddType(module, *type) : -1;
}

static PyObject *inherited_count(PyObject *module, PyObject *none)
{
	return PyLong_FromSize_t(mmiod_inherited_count());
}

/* parse_target(text) -> (region, offset, length, width in bits) */
static PyObject *parse_target(PyObject *module, PyObject *args)
{
	struct mmiod_target target;
	const char *text;
	char error[256];

	if (!PyArg_ParseTuple(args, "s:parse_target", &text))
		return NULL;
	if (mmiod_target_parse(text, &target, error, sizeof(error)))
		return PyErr_Format(PyExc_ValueError, "%s", error);
	return Py_BuildValue("sKKI", target.region, (unsigned long long)target.offset,
			     (unsigned long long)target.length, target.width * 8);
}

static PyObject *wc_flush(PyObject *module, PyObject *none)
{
	mmiod_wc_flush();
	return Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
	{ "inherited_count", inherited_count, METH_NOARGS, NULL },
	{ "parse_target", parse_target, METH_VARARGS, NULL },
	{ "wc_flush", wc_flush, METH_NOARGS, NULL },
	{ 0 },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "mmiod._ext",
	.m_size = -1,
	.m_methods = functions,
};

PyMODINIT_FUNC PyInit__ext(void);
PyMODINIT_FUNC PyInit__ext(void)
{
	PyObject *module = PyModule_Create(&definition);

	if (!module)
		return NULL;
	if (error_add(module) || client_add(module) || lease_add(module) || wait_add(module) ||
	    mapping_add(module) || interrupt_add(module) || operation_add(module) ||
	    PyModule_AddStringConstant(module, "version", mmiod_version()) ||
	    PyModule_AddIntConstant(module, "page_size", (long)mmiod_page_size())) {
		Py_DECREF(module);
		return NULL;
	}
	return module;
}
