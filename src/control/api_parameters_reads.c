/* What the routes take from which the console draws. */
#include "control/api_parameters.h"
#include "control/timeline.h"

const struct api_parameter api_parameters_series[] = {
    {.name = "metrics", .place = API_QUERY, .type = API_TEXT, .required = true, .high = 512, .help = "names with commas between, at most 12: requests, latency.p95, quality.METRIC; see console.md"},
    TIME_QUERY("from", "a day before `to`", "begin of the window, widened to whole steps"), TIME_QUERY("to", "now", "end of the window"),
    {.name = "step", .place = API_QUERY, .type = API_STEP, .help = "length of a step: 1m, 5m, 1h, 1d; at most 500 of them. Chosen unless given"},
    {.name = "by", .place = API_QUERY, .type = API_CHOICE, .choices = "application|request_type|model|prompt|provider", .help = "a series for each of these"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = 100, .fallback = "20", .help = "labels, those with most exchanges first"},
    TEXT_QUERY("application", "only this application"), TEXT_QUERY("request_type", "only this request type"), TEXT_QUERY("model", "only this model, as it was asked for"),
    TEXT_QUERY("provider", "only what this provider answered"), TEXT_QUERY("prompt", "only this prompt: name@version, or a name for all of its versions"), END};
const struct api_parameter api_parameters_hours[] = {
    {.name = "metric", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "one that /api/v1/series has"},
    TIME_QUERY("from", "28 days before `to`", "begin of the window, widened to whole hours; at most 92 days"), TIME_QUERY("to", "now", "end of the window"),
    TEXT_QUERY("application", "only this application"), TEXT_QUERY("request_type", "only this request type"),
    {.name = "timezone", .place = API_QUERY, .type = API_TEXT, .fallback = "UTC", .help = "whose clocks tell the hour: Europe/Berlin. Of zones off by half an hour an hour of UTC counts where it begins"}, END};
const struct api_parameter api_parameters_timeline[] = {
    TIME_QUERY("from", "7 days before `to`", "begin of the window"), TIME_QUERY("to", "now", "end of the window"),
    TEXT_QUERY("application", "only what is about this application; what is about all of them too"),
    {.name = "kinds", .place = API_QUERY, .type = API_CHOICES, .choices = &(TIMELINE_KINDS(TIMELINE_OR))[1], .help = "only these"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = TIMELINE_MOST, .fallback = "200", .help = "events, the newest"}, END};
const struct api_parameter api_parameters_overview[] = {
    TEXT_QUERY("application", "only this application; else one for all of them too"),
    TIME_QUERY("from", "a day before `to`", "begin of the window"), TIME_QUERY("to", "now", "end of the window"), END};
const struct api_parameter api_parameters_latency[] = {
    TIME_QUERY("from", "an hour before `to`", "begin of the window, widened to whole minutes"),
    TIME_QUERY("to", "now", "end of the window"),
    TEXT_QUERY("application", "only this application"),
    TEXT_QUERY("request_type", "only this request type"),
    TEXT_QUERY("model", "only this model"),
    {.name = "by", .place = API_QUERY, .type = API_CHOICES, .choices = "application|request_type|model|prompt|feature|team",
     .fallback = "model", .help = "one row for each combination of these"},
    END};
const struct api_parameter api_parameters_totals[] = {
    TIME_QUERY("from", "an hour before `to`", "begin of the window, widened to whole minutes or steps"),
    TIME_QUERY("to", "now", "end of the window"),
    TEXT_QUERY("application", "only this application"),
    TEXT_QUERY("model", "only this model"),
    TEXT_QUERY("request_type", "only this request type"),
    {.name = "step", .place = API_QUERY, .type = API_STEP, .help = "also a time series in steps of this length: 1m, 15m, 1h, 1d"},
    END};
