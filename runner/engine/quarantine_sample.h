/* Some of the rows that are put aside, by mark, for whoever looks at the run. Part of quarantine.
 */
#ifndef RUNNER_ENGINE_QUARANTINE_SAMPLE_H
#define RUNNER_ENGINE_QUARANTINE_SAMPLE_H

struct quarantine;

/* Fills the request with the question for the first rows of each mark; `marked`: what it selects
 * from, rows with __sluice_row and __sluice_mark. */
void quarantine_sample_ask(struct quarantine *quarantine, const char *marked);

/* Once it is answered: the rows of the last mark go where the others are, in ->counts. */
void quarantine_sample_keep(struct quarantine *quarantine);

#endif
