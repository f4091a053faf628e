/* SPDX-License-Identifier: MIT */
/*
 * The readers of files, one a format. load.c calls them with the whole text; what is wrong is in
 * @build afterwards.
 */
#ifndef MMIOCTL_REGMAP_FORMATS_H
#define MMIOCTL_REGMAP_FORMATS_H

#include "regmap/build.h"

struct map_text {
	const char *text; /* a zero stands behind it */
	size_t length;
	const struct map_choice *choice;
};

typedef void map_reader(struct map_build *build, const struct map_text *text);

map_reader map_read_ini; /* ini.c: ours */
map_reader map_read_xml; /* soc.c: CMSIS-SVD and IP-XACT */
map_reader map_read_csr_csv; /* litex-csv.c */
map_reader map_read_csr_json; /* litex-json.c */

#endif
