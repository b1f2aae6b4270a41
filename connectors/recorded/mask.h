/* Values of columns that nobody may see, taken out of the bytes of a file: each becomes "sha256:"
 * and 16 digits, the same for the same, and all else stays as it is, byte by byte. Pure. */
#ifndef CONNECTORS_RECORDED_MASK_H
#define CONNECTORS_RECORDED_MASK_H

#include "runner/base/buffer.h"
#include "runner/base/dialect.h"
#include "runner/base/error.h"

/* Of what is listed as `from`. Borrowed. */
struct mask {
    const char *from, *what;  /* a key or glob; how errors call it: "extract.people" */
    enum file_format format;  /* CSV or NDJSON, of UTF-8, not compressed */
    struct csv_dialect csv;   /* NULL texts: , " " */
    struct text_list columns; /* that are masked; in any case */
    struct text_list names;   /* without a header: what columns are called, by place */
};

/* One file, piece by piece. */
struct masking {
    const struct mask *mask;
    struct buffer record;  /* that has begun */
    struct buffer *output; /* where what is masked goes: the caller's */
    int64_t line;          /* of it, from 1 */
    size_t columns;        /* of the header, or of `names`; 0: not known yet */
    bool *masked;          /* by place */
    bool begun;            /* there were three bytes */
    bool quoted, escaped, cell_begins;
    bool cell_quoted; /* it began with a quote */
};

void masking_init(struct masking *masking, const struct mask *mask, struct buffer *output);
void masking_deinit(struct masking *masking);

/* ERROR_DATA where a column of the mask is not in the header: then nobody could say what is to be
 * masked. A line of CSV that has more or fewer cells than the header is masked as a whole, cell by
 * cell, as one of NDJSON that is no object. */
int masking_add(struct masking *masking, const char *bytes, size_t length, struct error *err);
int masking_end(struct masking *masking, struct error *err); /* a last line without its end */

#endif
