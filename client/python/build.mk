# SPDX-License-Identifier: MIT
# The Python module: build/python is what PYTHONPATH may name. PYTHON= leaves it out.
PYTHON ?= /usr/bin/python3
PYTHON_DIR ?= $(PREFIX)/lib/python3/dist-packages
PYTHON_CFLAGS = $(call once,PYTHON_CFLAGS,$(PKG_CONFIG) --cflags python3)

PYTHON_EXT_SRCS := $(wildcard client/python/ext/*.c)
PYTHON_EXT_OBJS := $(PYTHON_EXT_SRCS:%.c=$(B)/%.o)
PYTHON_FILES := $(patsubst client/python/%,%,$(wildcard client/python/mmiod/*.py client/python/mmiod/*.pyi \
	client/python/mmiod/py.typed))
PYTHON_EXT := $(B)/python/mmiod/_ext.abi3.so
PYTHON_BUILT := $(PYTHON_EXT) $(PYTHON_FILES:%=$(B)/python/%)

$(PYTHON_EXT_OBJS): OBJ_FLAGS = $(PYTHON_CFLAGS)

# The library is found beside it in a build tree, and where the system has it once installed.
$(PYTHON_EXT): $(PYTHON_EXT_OBJS) $(B)/libmmiod.so
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $(PYTHON_EXT_OBJS) -L$(B) -lmmiod

$(B)/python/%: client/python/%
	@mkdir -p $(@D)
	cp $< $@

## make python         the Python module into build/python; PYTHON= leaves it out of make and make install
.PHONY: python
python: $(PYTHON_BUILT)

ifneq ($(PYTHON),)
ALL += $(PYTHON_BUILT)
INSTALL_TARGETS += install-python
UNINSTALL_TARGETS += uninstall-python
endif

.PHONY: install-python uninstall-python
install-python: $(PYTHON_BUILT)
	$(INSTALL) -d "$(DESTDIR)"$(PYTHON_DIR)/mmiod
	$(INSTALL) -m 644 $(PYTHON_BUILT) "$(DESTDIR)"$(PYTHON_DIR)/mmiod/

uninstall-python:
	rm -rf "$(DESTDIR)"$(PYTHON_DIR)/mmiod
