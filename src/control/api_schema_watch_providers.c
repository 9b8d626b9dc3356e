/* Shape of the answer about providers. */
#include "control/api.h"

const struct api_field api_fields_watch_providers[] = {
    {"Providers", "providers", "[Provider]", "in the order of the configuration, each followed by its models that had traffic; none before the first look"},
    {"Provider", "provider", "string", "its name"},
    {"Provider", "upstream_model", "string?", "null: all of the provider's"},
    {"Provider", "verdict", "well|them|us|slow|unsure|idle", "whose fault it is, if anything is wrong"},
    {"Provider", "line", "string", "the answer in one line, with its evidence"},
    {"Provider", "looked", "time", "when"},
    {"Provider", "since", "time?", "it has failed, or been slow, since"},
    {"Provider", "evidence", "json", "statistic, threshold, live traffic, probes, status page"},
    {NULL, NULL, NULL, NULL},
};
